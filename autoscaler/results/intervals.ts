/** Intervals of confidence, 95 %, that assume as little as can be. Pure. */

/** Of a normal distribution. */
const Z = 1.959964;

export interface ConfidenceInterval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Of a share, after Wilson; n = 0: anything from 0 to 1. */
export function wilson(hits: number, n: number): ConfidenceInterval {
  if (n === 0) return { value: 0, low: 0, high: 1 };
  const share = hits / n;
  const middle = (share + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half =
    (Z / (1 + (Z * Z) / n)) * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  return { value: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** Student's t, 97.5 %, of 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2). */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];

/** Of more than 30 by the first term of its expansion: exact to 0.001. */
function studentOf(freedom: number): number {
  return STUDENT[freedom - 1] ?? Z + (Z ** 3 + Z) / (4 * freedom);
}

/** A mean after Student, which takes the values for independent; null of fewer than two. */
export function meanInterval(values: readonly number[]): ConfidenceInterval | null {
  const n = values.length;
  if (n < 2) return null;
  const value = sum(values) / n;
  const variance = values.reduce((all, one) => all + (one - value) ** 2, 0) / (n - 1);
  const half = studentOf(n - 1) * Math.sqrt(variance / n);
  return { value, low: value - half, high: value + half };
}

/** The geometric mean of values above 0, by {@link meanInterval} of their logarithms. */
export function geometricMeanInterval(values: readonly number[]): ConfidenceInterval | null {
  const found = meanInterval(values.map((value) => Math.log(value)));
  if (!found) return null;
  const { value, low, high } = found;
  return { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) };
}

export interface QuantileInterval {
  readonly share: number;
  readonly value: number;
  /** Null: the sample is too small to have that end. */
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * A quantile (nearest rank) of an ascending sample, between two values of it whose ranks hold the
 * true one with 95 % (Le Boudec, "Performance Evaluation", 2.2). The first `zeros` values, which
 * are 0, need not be in `sorted`.
 */
export function quantileInterval(
  sorted: ArrayLike<number>,
  share: number,
  zeros = 0,
): QuantileInterval {
  const n = sorted.length + zeros;
  const at = (rank: number): number | null => {
    if (rank < 1 || rank > n) return null;
    return rank <= zeros ? 0 : (sorted[rank - zeros - 1] ?? null);
  };
  const half = Z * Math.sqrt(n * share * (1 - share));
  return {
    share,
    value: at(Math.max(1, Math.ceil(share * n))) ?? 0,
    low: at(Math.floor(n * share - half)),
    high: at(Math.ceil(n * share + half) + 1),
  };
}

/**
 * The ratio of two sums over the same parts of time, between what it is when parts are drawn again
 * and again (bootstrap); null when the second is nothing.
 */
export function ratioOfSums(
  a: readonly number[],
  b: readonly number[],
  random: () => number,
): ConfidenceInterval | null {
  if (a.length !== b.length || a.length === 0 || sum(b) === 0) return null;
  const drawn: number[] = [];
  for (let round = 0; round < 1_000; round += 1) {
    let [top, bottom] = [0, 0];
    for (let part = 0; part < a.length; part += 1) {
      const at = Math.floor(random() * a.length);
      top += a[at] ?? 0;
      bottom += b[at] ?? 0;
    }
    if (bottom > 0) drawn.push(top / bottom);
  }
  drawn.sort((x, y) => x - y);
  const at = (share: number): number => drawn[Math.floor(share * (drawn.length - 1))] ?? 0;
  return { value: sum(a) / sum(b), low: at(0.025), high: at(0.975) };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}
