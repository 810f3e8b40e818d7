/** The standard normal distribution, as far as a spare number is reckoned by it. Pure. */

/* Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.23: off by less than 4.5e-4. */
const ABOVE = [2.515517, 0.802853, 0.010328] as const;
const BELOW = [1.432788, 0.189269, 0.001308] as const;

/** How many deviations above its mean a value is that so many of a hundred do not exceed. */
export function deviationsAt(percentile: number): number {
  const share = percentile / 100;
  if (share < 0.5) return -deviationsAt(100 - percentile);
  const t = Math.sqrt(-2 * Math.log(1 - share));
  const above = ABOVE[0] + ABOVE[1] * t + ABOVE[2] * t * t;
  const below = 1 + BELOW[0] * t + BELOW[1] * t * t + BELOW[2] * t ** 3;
  return Math.max(0, t - above / below);
}
