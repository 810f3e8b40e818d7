/**
 * How far a percentile of one sample lies from that of another, between what it is when both are
 * drawn again and again (bootstrap, percentile method, 95 %). Pure; the draws are seeded.
 *
 * A percentile by nearest rank is the r-th smallest value; of a sample drawn again it is the value
 * at the place floor(n x u), where u is the r-th smallest of n uniform numbers. That is Beta(r,
 * n - r + 1), so that one number is drawn in place of a whole sample, whatever its size.
 */
import { hasPercentile, percentile, Sample } from '../../base/statistics.ts';

export interface PercentileDifference {
  readonly a_ms: number;
  readonly b_ms: number;
  /** b - a. */
  readonly difference_ms: number;
  /** Null: a sample is too small for an interval. */
  readonly low_ms: number | null;
  readonly high_ms: number | null;
  readonly verdict: DifferenceVerdict;
}

/** Longer or shorter in b: all of the interval lies on that side of 0. */
export type DifferenceVerdict = 'longer' | 'shorter' | 'not told apart' | 'too few';

const RESAMPLES = 1_000;
const CONFIDENCE = 0.95;
/** As few have no interval: what lies between their least and their most is not 95 %. */
const FEWEST = 6;

/** Null: one of both does not have that percentile. */
export function percentileDifference(
  a: readonly number[],
  b: readonly number[],
  share: number,
  random: () => number,
): PercentileDifference | null {
  if (!hasPercentile(a.length, share) || !hasPercentile(b.length, share)) return null;
  const samples = [Sample.of(a), Sample.of(b)] as const;
  const [a_ms, b_ms] = [percentile(samples[0], share) ?? 0, percentile(samples[1], share) ?? 0];
  const told = { a_ms, b_ms, difference_ms: exact(b_ms - a_ms) };
  if (Math.min(a.length, b.length) < FEWEST) {
    return { ...told, low_ms: null, high_ms: null, verdict: 'too few' };
  }
  const drawn = new Float64Array(RESAMPLES);
  for (let round = 0; round < RESAMPLES; round += 1) {
    drawn[round] =
      drawnPercentile(samples[1].sorted, share, random) -
      drawnPercentile(samples[0].sorted, share, random);
  }
  drawn.sort();
  const at = (part: number): number => exact(drawn[Math.round(part * (RESAMPLES - 1))] ?? 0);
  const tail = (1 - CONFIDENCE) / 2;
  const [low_ms, high_ms] = [at(tail), at(1 - tail)];
  return { ...told, low_ms, high_ms, verdict: verdictOf(low_ms, high_ms) };
}

function verdictOf(low_ms: number, high_ms: number): DifferenceVerdict {
  if (low_ms > 0) return 'longer';
  return high_ms < 0 ? 'shorter' : 'not told apart';
}

/** The percentile of an ascending sample that was drawn from it again. */
export function drawnPercentile(
  sorted: ArrayLike<number>,
  share: number,
  random: () => number,
): number {
  const n = sorted.length;
  const rank = Math.max(1, Math.ceil(share * n));
  const [below, above] = [gamma(rank, random), gamma(n - rank + 1, random)];
  const place = Math.floor((below / (below + above)) * n);
  return sorted[Math.min(n - 1, place)] ?? 0;
}

/** Of shape 1 and above (Marsaglia and Tsang, ACM TOMS 26, 2000). */
function gamma(shape: number, random: () => number): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < x * x * 0.5 + d * (1 - v + Math.log(v))) return d * v;
  }
}

/** After Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Stamps are whole microseconds. */
const exact = (value: number): number => Math.round(value * 1000) / 1000;
