/** Percentiles as every figure of a report uses them. Pure. */

/**
 * Distribution of a time in milliseconds. `n` counts all that was asked for; `reached` those that
 * got there. What never got there counts as later than everything else, so a failure never makes a
 * percentile look better; a percentile that falls on it is null ("not reached").
 */
export interface Distribution {
  readonly n: number;
  readonly reached: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
}

/** Values of a sample, ascending, and how many there should have been. */
export interface Sample {
  readonly n: number;
  readonly sorted_ms: readonly number[];
}

/** Null marks what was not reached. */
export function toSample(values_ms: readonly (number | null)[]): Sample {
  const sorted_ms = values_ms.filter((value) => value !== null).toSorted((a, b) => a - b);
  return { n: values_ms.length, sorted_ms };
}

/**
 * Nearest rank: the smallest value such that at least `share` of the sample is not above it, that
 * is, the value at rank ceil(share x n), counted from 1. No interpolation. Null when the sample is
 * empty or the rank falls on something not reached.
 */
export function percentile(sample: Sample, share: number): number | null {
  if (sample.n === 0) return null;
  const rank = Math.max(1, Math.ceil(share * sample.n));
  return sample.sorted_ms[rank - 1] ?? null;
}

export function describe(values_ms: readonly (number | null)[]): Distribution {
  const sample = toSample(values_ms);
  return {
    n: sample.n,
    reached: sample.sorted_ms.length,
    p50_ms: rounded(percentile(sample, 0.5)),
    p99_ms: rounded(percentile(sample, 0.99)),
    max_ms: rounded(percentile(sample, 1)),
  };
}

/** Difference of two stamps; null when either was not reached. */
export function between(from_ms: number | null, to_ms: number | null): number | null {
  return from_ms === null || to_ms === null ? null : rounded(to_ms - from_ms);
}

/** exp(mean(log x)); null for an empty list. Values must be above 0. */
export function geometricMean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sum = values.reduce((total, value) => total + Math.log(value), 0);
  return Math.round(Math.exp(sum / values.length) * 1e6) / 1e6;
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
