/**
 * Greedy-dual with size and frequency (FaasCache: Fuerst and Sharma, ASPLOS 2021), the rule alone:
 * who gives way first when memory is short. Nothing ends by time. Pure.
 */
import { MIB } from '../../base/units.ts';

/** What a start costs, to the microsecond: finer differences are noise. */
export function startCostMs(took_ms: number): number {
  return Math.round(took_ms * 1000) / 1000;
}

/**
 * An idle instance's worth, fixed when it becomes idle; the least gives way first. `clock`: the
 * worth of who gave way last. `uses`: of its function, since nothing of it was left.
 */
export function priorityOf(
  clock: number,
  { uses, start_ms, bytes }: { uses: number; start_ms: number; bytes: number },
): number {
  return clock + uses * (start_ms / 1000 / (bytes / MIB));
}
