/**
 * Percentiles and spreads as every figure of a report and of a bench uses them. Pure.
 *
 * One rule says which percentiles a sample has: one above the median is told only where its rank
 * lies below n, so that it is never the maximum under another name: p95 from n = 20, p99 from
 * n = 100. Every figure has its n and its range beside it.
 */
import { NumberList } from './number-list.ts';

export const PERCENTILE_RULE =
  'nearest rank, no interpolation; what was not reached ranks last; ' +
  'p95 only from n = 20 and p99 only from n = 100, below that it would be the maximum';

/**
 * Distribution of a time in milliseconds. `n` counts all that was asked for; `reached` those that
 * got there. What never got there counts as later than everything else, so a failure never makes a
 * percentile look better; a percentile that falls on it is null ("not reached"). One that n does
 * not allow is not there at all.
 */
export interface Distribution {
  readonly n: number;
  readonly reached: number;
  readonly min_ms: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms?: number | null;
  readonly p99_ms?: number | null;
  readonly max_ms: number | null;
}

/** A growing sample; null marks what was not reached. */
export class Sample {
  readonly #reached = new NumberList();
  #sorted: Float64Array | null = null;
  #n = 0;

  static of(values: Iterable<number | null>): Sample {
    const sample = new Sample();
    for (const value of values) sample.add(value);
    return sample;
  }

  add(value: number | null): void {
    this.#n += 1;
    if (value === null) return;
    this.#reached.push(value);
    this.#sorted = null;
  }

  /** All that was asked for. */
  get n(): number {
    return this.#n;
  }

  /** What was reached, ascending. */
  get sorted(): Float64Array {
    this.#sorted ??= this.#reached.values().toSorted();
    return this.#sorted;
  }
}

/**
 * Nearest rank: the smallest value such that at least `share` of the sample is not above it, that
 * is, the value at rank ceil(share x n), counted from 1. No interpolation. Null when the sample is
 * empty or the rank falls on something not reached.
 */
export function percentile(sample: Sample, share: number): number | null {
  if (sample.n === 0) return null;
  return sample.sorted[rankOf(sample.n, share) - 1] ?? null;
}

/** Whether a sample of n has this percentile; the median and what is below it always. */
export function hasPercentile(n: number, share: number): boolean {
  return share <= 0.5 ? n > 0 : rankOf(n, share) < n;
}

export function describe(sample: Sample): Distribution {
  const told = (share: number): number | null => rounded3(percentile(sample, share));
  return {
    n: sample.n,
    reached: sample.sorted.length,
    min_ms: rounded3(sample.sorted[0] ?? null),
    p50_ms: told(0.5),
    ...(hasPercentile(sample.n, 0.95) ? { p95_ms: told(0.95) } : {}),
    ...(hasPercentile(sample.n, 0.99) ? { p99_ms: told(0.99) } : {}),
    max_ms: told(1),
  };
}

/** Difference of two stamps, to the microsecond; null when either was not reached. */
export function between(from_ms: number | null, to_ms: number | null): number | null {
  return from_ms === null || to_ms === null ? null : rounded3(to_ms - from_ms);
}

/** exp(mean(log x)); null for an empty list. Values must be above 0. */
export function geometricMean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sum = values.reduce((total, value) => total + Math.log(value), 0);
  return rounded(Math.exp(sum / values.length));
}

/**
 * A sum of which no part is unknown; else it is unknown (null) too, and not what is known of it.
 */
export function plus(sum: number | null, part: number | null): number | null {
  return sum === null || part === null ? null : sum + part;
}

/** Middle value; the mean of the two middle ones of an even count. Null for none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? 0)) / 2;
}

/** Six significant digits after the point: enough for nanoseconds in milliseconds. */
export function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function rankOf(n: number, share: number): number {
  return Math.max(1, Math.ceil(share * n));
}

/** Stamps are whole microseconds. */
function rounded3(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
