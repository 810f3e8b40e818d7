/**
 * Idle rests: for how long instances of a function are idle until a call has a use for them, those
 * included that had ended by then. It tells what keeping one for a time is worth. Pure.
 */
import { type DurationTally, NO_DURATIONS, withCount } from './durations.ts';

export interface IdleRests {
  readonly tally: DurationTally;
  /** Since when those were idle that ended before a use for them came; the latest last. */
  readonly ended_since_ms: readonly number[];
}

export const NO_IDLE_RESTS: IdleRests = { tally: NO_DURATIONS, ended_since_ms: [] };

/** As many as tell one rest of a hundred from none; then every count is halved. */
export const IDLE_RESTS_KEPT = 1_024;
/** Of more instances than a function has at once nobody waits for the return. */
export const IDLE_ENDED_MAX = 64;

/**
 * Counts are halved to fractions: one long rest among a thousand short ones decides, and whole
 * counts would forget it first.
 */
function counted(tally: DurationTally, rest_ms: number): DurationTally {
  const more = withCount(tally, rest_ms);
  if (more.total < IDLE_RESTS_KEPT) return more;
  const counts = more.counts.map((count) => count / 2);
  return { first: more.first, counts, total: more.total / 2 };
}

/** A call found an instance that had been idle for so long. */
export function withReuse(rests: IdleRests, rest_ms: number): IdleRests {
  return { ...rests, tally: counted(rests.tally, rest_ms) };
}

/** One ends that has been idle since then. */
export function withIdleEnd(rests: IdleRests, idle_since_ms: number): IdleRests {
  const ended = [...rests.ended_since_ms, idle_since_ms].toSorted((a, b) => a - b);
  return { ...rests, ended_since_ms: ended.slice(-IDLE_ENDED_MAX) };
}

/** A call found none: it would have used the one that was idle last. */
export function withMiss(rests: IdleRests, now_ms: number): IdleRests {
  const since_ms = rests.ended_since_ms.at(-1);
  if (since_ms === undefined) return rests;
  const tally = counted(rests.tally, Math.max(0, now_ms - since_ms));
  return { tally, ended_since_ms: rests.ended_since_ms.slice(0, -1) };
}
