/** How much of the host's CPU went to others than ourselves. */
import { readFileSync } from 'node:fs';
import { type CpuTicks, parseCpuTicks } from '../../autoscaler/replay/load.ts';

/** USER_HZ: fixed at 100 on Linux for every architecture Node runs on. */
const TICK_MS = 10;

/** CPU time of the whole host since its boot; null where it does not tell. */
export function readHostTicks(): CpuTicks | null {
  try {
    return parseCpuTicks(readFileSync('/proc/stat', 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Share of all CPU time that was neither idle nor `ours_ms`, what another machine stole included.
 */
export function othersShare(
  before: CpuTicks | null,
  after: CpuTicks | null,
  ours_ms: number,
): number | null {
  if (!before || !after || after.total <= before.total) return null;
  const all_ms = (after.total - before.total) * TICK_MS;
  const busy_ms = all_ms - (after.idle - before.idle) * TICK_MS;
  return Math.min(1, Math.max(0, (busy_ms - ours_ms) / all_ms));
}
