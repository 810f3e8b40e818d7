/** What QEMU may say over QMP, parsed from one line. Pure. */
import { z } from 'zod';
import { vmmError } from '../errors.ts';

export interface QmpEvent {
  /** `SHUTDOWN`, `GUEST_PANICKED`, `MEMORY_DEVICE_SIZE_CHANGE`, ... */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type QmpMessage =
  | { readonly type: 'greeting' }
  | { readonly type: 'event'; readonly event: QmpEvent }
  | { readonly type: 'return'; readonly id: number | null; readonly value: unknown }
  | {
      readonly type: 'error';
      readonly id: number | null;
      readonly class: string;
      readonly description: string;
    };

const id = z.number().int().nullish();
const messageSchema = z.union([
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id }),
  z.object({ QMP: z.object({ version: z.unknown() }) }),
  z.object({ return: z.unknown(), id }).refine((value) => 'return' in value),
]);

/** Throws HP_QMP_PROTOCOL when the line is not a QMP message. */
export function parseQmpMessage(line: string): QmpMessage {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw notQmp(line, error);
  }
  const { data } = messageSchema.safeParse(json);
  if (!data) throw notQmp(line);
  if ('event' in data) return { type: 'event', event: { name: data.event, data: data.data } };
  if ('QMP' in data) return { type: 'greeting' };
  if ('error' in data) {
    const { class: errorClass, desc } = data.error;
    return { type: 'error', id: data.id ?? null, class: errorClass, description: desc };
  }
  return { type: 'return', id: data.id ?? null, value: data.return };
}

function notQmp(line: string, cause?: unknown): Error {
  const start = JSON.stringify(line.slice(0, 80));
  return vmmError('HP_QMP_PROTOCOL', `Not a QMP message: ${start}.`, { cause });
}
