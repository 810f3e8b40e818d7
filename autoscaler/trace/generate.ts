/**
 * A trace that nobody recorded, drawn from the published tables with a seed: single invocations as
 * in the file of 2021. Bursts: most gaps within an application are shorter than a second, few are
 * longer than a minute; days have a busy and a quiet half. Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { ColumnsBuilder, type InvocationColumns } from './columns.ts';
import { AZURE_2021, DURATION_2021_MS, TOP_APPS_2021 } from './published.ts';
import { quantileAt } from './quantiles.ts';
import type { TraceFunction } from './trace.ts';

export interface GenerateOptions {
  readonly seed: number;
  readonly invocations: number;
  readonly apps: number;
  readonly functions: number;
  readonly days: number;
  /** Of the invocations take no time. */
  readonly zero_share: number;
}

/** As the file of 2021 is. */
export const LIKE_2021: Omit<GenerateOptions, 'seed'> = {
  invocations: AZURE_2021.rows,
  apps: AZURE_2021.apps,
  functions: AZURE_2021.functions,
  days: AZURE_2021.days,
  zero_share: AZURE_2021.zero_share,
};

export interface GeneratedTrace {
  readonly functions: readonly TraceFunction[];
  readonly invocations: InvocationColumns;
}

const DAY_MS = 86_400_000;
/** Of the duration of an invocation, how much is its function's; chosen, not published. */
const FUNCTION_PART = 0.15;
/** Swing of the rate over a day: 3.2 times between its ends. */
const DAILY_SWING = 0.52;

/** Of an application's invocations between its functions. */
const SKEW = 3;

type Random = () => number;

export function generateInvocations(options: GenerateOptions): GeneratedTrace {
  const random = seededRandom(options.seed);
  const functions: { app: string; func: string; invocations: number }[] = [];
  const builder = new ColumnsBuilder();
  const counts = appCounts(options);
  const per_app = functionCounts(options);
  const all_levels = levelsOf(counts, per_app, random);
  for (const [app_index, count] of counts.entries()) {
    const app = nameOf(random);
    const first = functions.length;
    const own = per_app[app_index] ?? 1;
    for (let at = 0; at < own; at += 1) {
      functions.push({ app, func: nameOf(random), invocations: 0 });
    }
    const levels = all_levels[app_index] ?? [];
    const span_ms = options.days * DAY_MS;
    for (const at_ms of appArrivals(count, span_ms, random)) {
      // A few functions of an application have most of its invocations.
      const chosen = Math.min(own - 1, Math.floor(own * random() ** SKEW));
      const one = functions[first + chosen];
      if (one) one.invocations += 1;
      const duration_ms = durationOf(levels[chosen] ?? 0, options.zero_share, random);
      builder.add(first + chosen, at_ms, duration_ms);
    }
  }
  return { functions, invocations: builder.inOrder() };
}

/**
 * How long each function's invocations last, by application: a few functions have most of them, so
 * that what was drawn is moved and stretched until all invocations together are as published.
 */
function levelsOf(
  counts: readonly number[],
  per_app: readonly number[],
  random: Random,
): readonly (readonly number[])[] {
  let [weight, sum, squares] = [0, 0, 0];
  const levels = counts.map((count, app) => {
    const own = per_app[app] ?? 1;
    return Array.from({ length: own }, (_, at) => {
      const level = normal(random);
      const share = count * (((at + 1) / own) ** (1 / SKEW) - (at / own) ** (1 / SKEW));
      weight += share;
      sum += share * level;
      squares += share * level * level;
      return level;
    });
  });
  const mean = sum / weight;
  const spread = Math.sqrt(squares / weight - mean * mean) || 1;
  return levels.map((own) => own.map((level) => (level - mean) / spread));
}

/** Invocations of each application, the most invoked first; every one has at least one. */
function appCounts({ apps, invocations }: GenerateOptions): number[] {
  const shareAt = (rank: number): number => {
    const scaled = (rank / apps) * AZURE_2021.apps;
    const above = TOP_APPS_2021.findIndex(([count]) => count >= scaled);
    const [high_count = 1, high = 1] = TOP_APPS_2021[above] ?? [];
    const [low_count = 0, low = 0] = TOP_APPS_2021[above - 1] ?? [];
    return above <= 0
      ? high
      : low + ((high - low) * (scaled - low_count)) / (high_count - low_count);
  };
  const spare = Math.max(0, invocations - apps);
  let left = spare;
  return Array.from({ length: apps }, (_, rank) => {
    const count = Math.min(left, Math.round(spare * (shareAt(rank + 1) - shareAt(rank))));
    const own = rank === apps - 1 ? left : count;
    left -= own;
    return own + 1;
  });
}

function functionCounts({ apps, functions }: GenerateOptions): number[] {
  const counts = Array.from({ length: apps }, () => 1);
  let left = Math.max(0, functions - apps);
  for (let at = 0; left > 0; at = (at + 1) % apps) {
    // The more, the further up an application stands.
    const more = Math.min(left, 1 + Math.floor((8 * (apps - at)) / apps));
    counts[at] = (counts[at] ?? 0) + more;
    left -= more;
  }
  return counts;
}

/** Times of one application's calls within the span, ms to three places: below is noise. */
export function appArrivals(count: number, span_ms: number, random: Random): Float64Array {
  const gaps = new Float64Array(count);
  let short_ms = 0;
  let long_ms = 0;
  for (let at = 0; at < count; at += 1) {
    const kind = random();
    const is_long = kind >= 1 - AZURE_2021.long_gap_share || at === 0;
    if (is_long) {
      gaps[at] = -(0.2 - Math.log(1 - random()));
      long_ms -= gaps[at] ?? 0;
      continue;
    }
    const is_short = kind < AZURE_2021.short_gap_share;
    gaps[at] = is_short ? Math.min(999, -Math.log(1 - random()) * 200) : 1000 * 60 ** random();
    short_ms += gaps[at] ?? 0;
  }
  // What bursts leave of the span is spread over the long gaps.
  const stretch = short_ms > span_ms * 0.6 ? (span_ms * 0.6) / short_ms : 1;
  const each_ms = (span_ms - short_ms * stretch) / (long_ms + 1);
  let now_ms = 0;
  return gaps.map((gap) => {
    now_ms += gap < 0 ? -gap * each_ms : gap * stretch;
    return Math.round(daily(now_ms) * 1000) / 1000;
  });
}

/** Moves times towards the busy half of their day. */
function daily(at_ms: number): number {
  const turn = (2 * Math.PI * at_ms) / DAY_MS;
  return Math.max(0, at_ms - ((DAILY_SWING * DAY_MS) / (2 * Math.PI)) * Math.sin(turn));
}

function durationOf(level: number, zero_share: number, random: Random): number {
  if (random() < zero_share) return 0;
  const own = normal(random);
  const place = normalShare(Math.sqrt(FUNCTION_PART) * level + Math.sqrt(1 - FUNCTION_PART) * own);
  return Math.max(1, Math.round(quantileAt(DURATION_2021_MS, place)));
}

/** 64 hexadecimal digits, as the published hashes have. */
export function nameOf(random: Random): string {
  let name = '';
  while (name.length < 64) {
    name += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  }
  return name;
}

/** Box and Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Of a normal distribution, how much lies below (Abramowitz and Stegun 26.2.17). */
export function normalShare(value: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(value));
  const factors = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = factors.reduceRight((total, factor) => (total + factor) * t, 0);
  const tail = (Math.exp((-value * value) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  return value < 0 ? tail : 1 - tail;
}
