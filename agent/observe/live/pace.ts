/**
 * When the next message of the live stream is due. After a rest a change is told at once; while
 * much happens, messages keep a distance, so that what they cost is bounded by a share of the
 * agent's time and by what readers take. Pure.
 */
import { AGENT_LIMITS } from '../../limits.ts';

/**
 * The message before: when it was told, how much later than it was due, how long it took to make,
 * and how many messages a reader had not read.
 */
export interface LiveTold {
  readonly at_ms: number;
  readonly late_ms: number;
  readonly made_ms: number;
  readonly behind: number;
}

/** From `now_ms` on; 0: at once. Null: nothing was told yet. */
export function dueInMs(told: LiveTold | null, now_ms: number): number {
  if (!told) return 0;
  const { at_ms, late_ms, made_ms, behind } = told;
  const is_busy = late_ms > AGENT_LIMITS.live_gather_ms;
  const is_crowded = is_busy || behind > AGENT_LIMITS.live_few_behind;
  const distance_ms = Math.max(
    is_crowded ? AGENT_LIMITS.live_gather_behind_ms : AGENT_LIMITS.live_gather_ms,
    made_ms * (1 / AGENT_LIMITS.live_share - 1),
  );
  return Math.max(0, at_ms + Math.min(distance_ms, AGENT_LIMITS.live_gather_ms_max) - now_ms);
}
