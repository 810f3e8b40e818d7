/** Spreads and ratios of samples of a bench. Pure; the bootstrap is seeded. */
import { boundsOf } from '../base/number-list.ts';
import { seededRandom } from '../base/random.ts';
import { hasPercentile, median, percentile, rounded, Sample } from '../base/statistics.ts';

export { median, rounded };

/** A sample in short. Units are those of the values. */
export interface Spread {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Median absolute deviation from the median. */
  readonly mad: number;
}

/** Ratio of one figure of two samples with a bootstrap interval (percentile method). */
export interface Ratio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
  readonly n: readonly [number, number];
}

const RESAMPLES = 2000;
const CONFIDENCE = 0.95;

export function spreadOf(values: readonly number[]): Spread | null {
  const center = median(values);
  if (center === null) return null;
  const { low, high } = boundsOf(values);
  return {
    n: values.length,
    median: rounded(center),
    min: rounded(low),
    max: rounded(high),
    mad: rounded(median(values.map((value) => Math.abs(value - center))) ?? 0),
  };
}

/** A figure of a sample; null for an empty one. */
export type Statistic = (values: readonly number[]) => number | null;

/**
 * A statistic of `above` over that of `below`, with the interval in which 95 % of the ratios of
 * resampled data lie. Null when either is empty or the lower one is not above 0.
 */
export function ratioOf(
  statistic: Statistic,
  above: readonly number[],
  below: readonly number[],
  seed: number,
): Ratio | null {
  const top = statistic(above);
  const bottom = statistic(below);
  if (top === null || bottom === null || bottom <= 0) return null;
  const random = seededRandom(seed);
  const ratios: number[] = [];
  for (let index = 0; index < RESAMPLES; index += 1) {
    const other = statistic(resampled(below, random)) ?? 0;
    if (other > 0) ratios.push((statistic(resampled(above, random)) ?? 0) / other);
  }
  ratios.sort((a, b) => a - b);
  const tail = (1 - CONFIDENCE) / 2;
  const at = (share: number): number =>
    ratios[Math.min(ratios.length - 1, Math.max(0, Math.round(share * (ratios.length - 1))))] ?? 0;
  return {
    ratio: rounded(top / bottom),
    low: rounded(at(tail)),
    high: rounded(at(1 - tail)),
    confidence: CONFIDENCE,
    n: [above.length, below.length],
  };
}

/** A median, and where that of all such values lies; `confidence` null: too few to say. */
export interface MedianInterval {
  readonly n: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number | null;
}

/** Fewer have no interval of 95 %: then it is from the least to the most. */
const FEWEST_WITH_INTERVAL = 6;
/** Standard deviations on either side in which 95 % lie. */
const DEVIATIONS = 1.96;

/**
 * Of values that are alike but for chance, whatever its shape: by how many of them lie on either
 * side (the sign test). Null where there are none.
 */
export function medianInterval(values: readonly number[]): MedianInterval | null {
  const center = median(values);
  if (center === null) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const { length: n } = sorted;
  const has_interval = n >= FEWEST_WITH_INTERVAL;
  const below = has_interval ? Math.floor((n - DEVIATIONS * Math.sqrt(n)) / 2) : 0;
  const place = Math.max(0, below);
  const [low, high] = [sorted[place] ?? center, sorted[n - 1 - place] ?? center];
  return { n, median: center, low, high, confidence: has_interval ? CONFIDENCE : null };
}

/** Median of `above` over median of `below`. */
export function ratioOfMedians(
  above: readonly number[],
  below: readonly number[],
  seed: number,
): Ratio | null {
  return ratioOf(median, above, below, seed);
}

/** Nearest rank, as in {@link percentile}; null also where the sample is too small to have it. */
export function percentileOf(values: readonly number[], share: number): number | null {
  return hasPercentile(values.length, share) ? percentile(Sample.of(values), share) : null;
}

function resampled(values: readonly number[], random: () => number): number[] {
  return values.map(() => values[Math.floor(random() * values.length)] ?? 0);
}
