/** How many of something are used at once. Pure. */

/**
 * So many are used at once by calls that come one each `gap_ms` and keep one for `kept_ms`: their
 * mean number, and so many deviations more (l T + z sqrt(l T), of independent arrivals).
 */
export function wantedAtOnce(gap_ms: number, kept_ms: number, deviations: number): number {
  const mean = kept_ms / gap_ms;
  return Math.ceil(mean + deviations * Math.sqrt(mean));
}
