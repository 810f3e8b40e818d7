/**
 * Durations: how they are distributed, in a few numbers of plain data. Values are counted in
 * classes that are an eighth of an octave wide, so a quantile is at most 9 % above what it stands
 * for, and old values fade: when so many were counted, every count is halved. Pure.
 */

/** Counts of neighbouring classes, of which `first` is the lowest. */
export interface DurationTally {
  readonly first: number;
  readonly counts: readonly number[];
  readonly total: number;
}

export const NO_DURATIONS: DurationTally = { first: 0, counts: [], total: 0 };

const CLASSES_PER_OCTAVE = 8;
/** Shorter is as good as this: a microsecond. */
const LEAST_MS = 0.001;
/** Longer is as good as this: a day. */
const MOST_MS = 86_400_000;
/** As many as tell a 99th percentile, twice over. */
const KEPT = 256;

/** The class of a value: a whole number, the greater the longer. */
export function durationClass(ms: number): number {
  const within_ms = Math.min(MOST_MS, Math.max(LEAST_MS, ms));
  return Math.ceil(Math.log2(within_ms) * CLASSES_PER_OCTAVE - 1e-9);
}

/** With one more value; old ones fade. */
export function withDuration(spread: DurationTally, ms: number): DurationTally {
  const counted = withCount(spread, ms);
  return counted.total < KEPT ? counted : halved(counted);
}

/** With one more value, and none fades. */
export function withCount(spread: DurationTally, ms: number): DurationTally {
  const at = durationClass(ms);
  if (spread.total === 0) return { first: at, counts: [1], total: 1 };
  const first = Math.min(spread.first, at);
  const counts = spread.counts.slice();
  for (let lower = spread.first; lower > first; lower -= 1) counts.unshift(0);
  while (counts.length <= at - first) counts.push(0);
  counts[at - first] = (counts[at - first] ?? 0) + 1;
  return { first, counts, total: spread.total + 1 };
}

function halved({ first, counts: all }: DurationTally): DurationTally {
  const counts = all.map((count) => Math.floor(count / 2));
  const from = counts.findIndex((count) => count > 0);
  if (from < 0) return NO_DURATIONS;
  const kept = counts.slice(from, counts.findLastIndex((count) => count > 0) + 1);
  return { first: first + from, counts: kept, total: kept.reduce((sum, count) => sum + count, 0) };
}

/** What so many of a hundred values do not exceed (ms); null: none was counted. */
export function durationPercentile(
  { first, counts, total }: DurationTally,
  percent: number,
): number | null {
  if (total === 0) return null;
  const wanted = Math.max(1, Math.ceil((percent / 100) * total));
  let seen = 0;
  for (let place = 0; place < counts.length; place += 1) {
    seen += counts[place] ?? 0;
    if (seen >= wanted) return durationClassTopMs(first + place);
  }
  return durationClassTopMs(first + counts.length - 1);
}

/** The longest value of a class (ms). */
export function durationClassTopMs(of_class: number): number {
  return 2 ** (of_class / CLASSES_PER_OCTAVE);
}

/** Its classes from the lowest: the longest value of each (ms), and how many are in it. */
export function durationClasses({
  first,
  counts,
}: DurationTally): readonly (readonly [top_ms: number, count: number])[] {
  return counts.map((count, place) => [durationClassTopMs(first + place), count]);
}
