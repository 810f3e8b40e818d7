/** How well a real program stands for a function of the trace. Pure. */
import { formatBytes, formatMs } from '../../base/units.ts';
import type { Manifest } from '../results/schema.ts';

type PlannedFunction = Manifest['functions'][number];

/** One line: what is wanted, and what there is of it. */
export function fitText({ invocations, limit_bytes, real }: PlannedFunction): string {
  if (!real) return 'emulated';
  const reach = `${real.calls_in_reach} of ${invocations} calls within its reach`;
  const range = `${formatMs(real.shortest_ms)} to ${formatMs(real.longest_ms)}`;
  const usual = `${formatMs(real.planned_p50_ms)} for ${formatMs(real.wanted_p50_ms)}`;
  const memory = `${formatBytes(real.needed_bytes)} of ${formatBytes(limit_bytes)}`;
  return `${real.program}: ${reach} (${range}), median ${usual}, memory about ${memory}`;
}
