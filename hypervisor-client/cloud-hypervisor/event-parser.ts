/**
 * Records of the event monitor: pretty-printed JSON objects with an empty line after each. The
 * server drops what it cannot write at once, in the middle of a record too, so a record may be cut
 * and run into the next: what can be read is read, the rest is counted as lost.
 */
import { CH_LIMITS } from './limits.ts';
import { isSize, member } from '../rest/json.ts';
import { isObject } from '../../base/json.ts';

/** One event. A hint, never the truth: the monitor loses events when its reader is slow. */
export interface ChEvent {
  /** Milliseconds since the server started. */
  readonly since_start_ms: number;
  /** `vmm`, `vm`, `virtio-device`, `vdpa`, `guest`. */
  readonly source: string;
  readonly event: string;
  readonly properties: Readonly<Record<string, string>>;
}

const RECORD_START = '{\n  "timestamp"';

export class EventParser {
  readonly #decoder = new TextDecoder();
  #pending = '';
  #skipping = false;
  #lost = 0;

  /** Records that were cut, too long or not events. */
  get lost(): number {
    return this.#lost;
  }

  push(chunk: Uint8Array): ChEvent[] {
    const parts = (this.#pending + this.#decoder.decode(chunk, { stream: true })).split('\n\n');
    this.#pending = parts.pop() ?? '';
    const events: ChEvent[] = [];
    for (const part of parts) this.#read(part, events);
    if (this.#pending.length > CH_LIMITS.event_bytes) {
      if (!this.#skipping) this.#lost += 1;
      this.#skipping = true;
      this.#pending = this.#pending.slice(-RECORD_START.length);
    }
    return events;
  }

  /** The stream ended: a record without its empty line still counts when it is whole. */
  end(): ChEvent[] {
    const events: ChEvent[] = [];
    this.#read(this.#pending, events);
    this.#pending = '';
    return events;
  }

  #read(text: string, events: ChEvent[]): void {
    const skipped = this.#skipping;
    this.#skipping = false;
    if (text.trim() === '') return;
    const whole = skipped ? null : readEvent(text);
    if (whole) {
      events.push(whole);
      return;
    }
    if (!skipped) this.#lost += 1;
    const start = text.lastIndexOf(RECORD_START);
    const rest = start > 0 || skipped ? readEvent(text.slice(Math.max(0, start))) : null;
    if (rest) events.push(rest);
  }
}

function readEvent(text: string): ChEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const secs = member(member(value, 'timestamp'), 'secs');
  const nanos = member(member(value, 'timestamp'), 'nanos');
  const source = member(value, 'source');
  const event = member(value, 'event');
  if (!isSize(secs) || !isSize(nanos)) return null;
  if (typeof source !== 'string' || typeof event !== 'string') return null;
  const properties = member(value, 'properties');
  const entries = isObject(properties) ? Object.entries(properties) : [];
  return {
    since_start_ms: secs * 1000 + nanos / 1e6,
    source,
    event,
    properties: Object.fromEntries(entries.map(([name, inner]) => [name, String(inner)])),
  };
}
