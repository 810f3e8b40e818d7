/** Distributions told as tables of quantiles, and distances between samples and tables. Pure. */

/** Shares and values, both ascending. */
export type Quantiles = readonly (readonly [share: number, value: number])[];

/** The value at a share; between two points on a line, of logarithms where `log` says so. */
export function quantileAt(table: Quantiles, share: number, log = true): number {
  const above = table.findIndex(([one]) => one >= share);
  const [high_share = 1, high = 0] = table[above < 0 ? table.length - 1 : above] ?? [];
  const [low_share = 0, low = high] = table[above - 1] ?? [];
  if (above <= 0) return above < 0 ? high : (table[0]?.[1] ?? 0);
  const part = (share - low_share) / (high_share - low_share || 1);
  if (!log || low <= 0) return low + (high - low) * part;
  return Math.exp(Math.log(low) + (Math.log(high) - Math.log(low)) * part);
}

/** The share of a table that lies at or below a value. */
function shareBelow(table: Quantiles, value: number): number {
  const above = table.findIndex(([, one]) => one > value);
  if (above < 0) return 1;
  const [high_share = 1, high = 0] = table[above] ?? [];
  const [low_share = 0, low = 0] = table[above - 1] ?? [];
  if (above === 0) return value > 0 && high > 0 ? high_share * (value / high) : 0;
  const part =
    low > 0 ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low || 1);
  return low_share + (high_share - low_share) * Math.min(1, Math.max(0, part));
}

/**
 * The largest difference, at the points of the table, between the share of the sample at or below
 * a value and that of the table (Kolmogorov and Smirnov). Of its least value a table says that
 * nothing is below it. Null for an empty sample.
 */
export function distanceToTable(sample: readonly number[], table: Quantiles): number | null {
  if (sample.length === 0) return null;
  const sorted = sample.toSorted((a, b) => a - b);
  let most = 0;
  for (const [share, value] of table) {
    const least = share === 0 ? value * (1 - Number.EPSILON) : value;
    const own = countAtMost(sorted, least) / sorted.length;
    most = Math.max(most, Math.abs(own - Math.max(share, shareBelow(table, value))));
  }
  return Math.round(most * 1e4) / 1e4;
}

function countAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The area between the distributions of two samples (Wasserstein's first distance), in the unit of
 * the values. Null when one is empty.
 */
export function wasserstein(a: readonly number[], b: readonly number[]): number | null {
  if (a.length === 0 || b.length === 0) return null;
  const left = a.toSorted((x, y) => x - y);
  const right = b.toSorted((x, y) => x - y);
  let [i, j, area] = [0, 0, 0];
  let before = Math.min(left[0] ?? 0, right[0] ?? 0);
  while (i < left.length || j < right.length) {
    const next = Math.min(left[i] ?? Infinity, right[j] ?? Infinity);
    area += Math.abs(i / left.length - j / right.length) * (next - before);
    while ((left[i] ?? Infinity) <= next) i += 1;
    while ((right[j] ?? Infinity) <= next) j += 1;
    before = next;
  }
  return area;
}
