/**
 * Depths: a function that has so many regions in use at once is that deep. Of each depth it is
 * counted for how long it was not reached after it was left: that is when a region given back there
 * would have been plugged again, however many start at once. Pure.
 */
import { type DurationTally, durationClasses, NO_DURATIONS, withCount } from './durations.ts';

interface Depth {
  /** Since when fewer are in use; null: it was not left since it was reached, or never reached. */
  readonly left_at_ms: number | null;
  /** For how long, each time. */
  readonly rests: DurationTally;
}

/** Of one region first; what is not there was never left. */
export type Depths = readonly Depth[];

/** Nothing is learned of deeper ones. */
export const DEPTHS_MAX = 256;
/** So many of the latest rests tell; then every count is halved. Chosen. */
const KEPT = 32;

const NEW: Depth = { left_at_ms: null, rests: NO_DURATIONS };

/** One region less is in use now: `depth` were until now. */
export function withLeft(depths: Depths, depth: number, now_ms: number): Depths {
  return withDepth(depths, depth, ({ rests }) => ({ left_at_ms: now_ms, rests }));
}

/** One more is in use: `depth` are from now on. */
export function withReached(depths: Depths, depth: number, now_ms: number): Depths {
  // Where it was not left as far as is known, nothing is learned of it.
  if ((depths[depth - 1]?.left_at_ms ?? null) === null) return depths;
  return withDepth(depths, depth, ({ left_at_ms, rests }) => {
    const rest_ms = Math.max(0, now_ms - (left_at_ms ?? now_ms));
    return { left_at_ms: null, rests: faded(withCount(rests, rest_ms)) };
  });
}

function withDepth(depths: Depths, depth: number, change: (old: Depth) => Depth): Depths {
  if (depth < 1 || depth > DEPTHS_MAX) return depths;
  const more = depths.slice();
  while (more.length < depth) more.push(NEW);
  more[depth - 1] = change(more[depth - 1] ?? NEW);
  return more;
}

/** To fractions: whole counts would forget what is seldom first. */
function faded({ first, counts, total }: DurationTally): DurationTally {
  if (total < KEPT) return { first, counts, total };
  return { first, counts: counts.map((count) => count / 2), total: total / 2 };
}

/** What is expected of a depth that is not reached now. */
export interface Return {
  /** Rests that tell, at most {@link KEPT}, and how many of them would be over in time. */
  readonly known: number;
  readonly in_time: number;
  /** As long as the middle one of them has still to go (ms). */
  readonly after_ms: number;
  /** For how long a region would be kept for it until the end or the bound, on average (ms). */
  readonly kept_ms: number;
}

/**
 * When so many will be in use again, by rests that were longer than this one is already; in time:
 * within `bound_ms` from now. Null: nothing is known of it, or it lasts longer than any did.
 */
export function returnOf(
  depths: Depths,
  depth: number,
  about: { readonly now_ms: number; readonly bound_ms: number },
): Return | null {
  const { left_at_ms, rests } = depths[depth - 1] ?? NEW;
  if (left_at_ms === null) return null;
  const since_ms = about.now_ms - left_at_ms;
  const left = durationClasses(rests)
    .map(([top_ms, count]) => ({ after_ms: top_ms - since_ms, count }))
    .filter(({ after_ms, count }) => after_ms > 0 && count > 0);
  const known = left.reduce((sum, { count }) => sum + count, 0);
  if (known === 0) return null;
  let [seen, in_time, kept_ms, middle_ms] = [0, 0, 0, 0];
  for (const { after_ms, count } of left) {
    if (seen < known / 2) middle_ms = after_ms;
    seen += count;
    if (after_ms <= about.bound_ms) in_time += count;
    kept_ms += (count / known) * Math.min(after_ms, about.bound_ms);
  }
  return { known, in_time, after_ms: middle_ms, kept_ms };
}

/**
 * Whether a region that costs as much to keep until `bound_ms` as to give back and plug again is to
 * be kept until then: where that costs no more, on average, than what it spares.
 */
export function pays({ known, in_time, kept_ms }: Return, bound_ms: number): boolean {
  return kept_ms * known <= bound_ms * in_time;
}
