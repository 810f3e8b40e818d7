/** What memory a live run's regions had: its agent's limit, less what its VMs took besides. */
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../base/json.ts';
import { parseBytes } from '../../base/units.ts';
import { resultsMalformed } from '../results/errors.ts';
import { readEvents } from '../results/reader.ts';
import type { EventLine, Manifest } from '../results/schema.ts';
import { RESULT_FILES } from '../results/writer.ts';

const amount = z.number().int().nonnegative();
/** Of the host that an agent begins with (model/told-events.ts), what its memory is. */
const beginSchema = z.object({
  begin: z.object({
    host_limit_bytes: amount,
    config: z.object({ vmm_overhead_bytes: amount }),
    earlier_vms: z.array(z.object({ bytes: amount })),
  }),
});

/** How a line of events begins that tells what a host was when it was first told of. */
const BEGIN = '{"begin"';

/**
 * By mechanism, in bytes, infinite where nobody tells a limit: as the agent said it when the run
 * began, and of a folder without that as the replay was told. Throws HP_RESULTS_MALFORMED.
 */
export async function regionLimits(
  folder: string,
  manifest: Pick<Manifest, 'mechanisms' | 'functions' | 'options'>,
): Promise<ReadonlyMap<string, number>> {
  const { functions, options, mechanisms } = manifest;
  const boot_bytes = functions.reduce((sum, one) => sum + one.boot_bytes, 0);
  const named_bytes = parseBytes(options?.['host-limit'] ?? '') ?? Number.POSITIVE_INFINITY;
  const limits = new Map(mechanisms.map(({ name }) => [name, named_bytes - boot_bytes]));
  let line = 0;
  await readEvents(folder, (told) => {
    line += 1;
    if (!told.event_json.startsWith(BEGIN)) return;
    const { host_limit_bytes, config, earlier_vms } = beginOf(folder, told, line);
    const vms_bytes = boot_bytes + functions.length * config.vmm_overhead_bytes;
    const earlier_bytes = earlier_vms.reduce((sum, { bytes }) => sum + bytes, 0);
    limits.set(told.mechanism, host_limit_bytes - vms_bytes - earlier_bytes);
  });
  return limits;
}

function beginOf(
  folder: string,
  { event_json }: EventLine,
  line: number,
): z.infer<typeof beginSchema>['begin'] {
  const told = beginSchema.safeParse(parseJson(event_json));
  if (told.success) return told.data.begin;
  const path = join(folder, RESULT_FILES.events);
  throw resultsMalformed(path, line, 'event_json does not tell how a host began');
}
