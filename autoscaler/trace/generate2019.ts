/**
 * Days in the formats of the trace of 2019 that nobody recorded, drawn from the published tables
 * with a seed: popularity, functions of an application, triggers, durations (the rarer a function,
 * the longer it runs: rank correlation -0.2), memory. Rows are told one by one. Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { DURATION_COLUMNS, DURATION_SHARES, INVOCATION_COLUMNS } from './azure2019.ts';
import { nameOf, normal, normalShare } from './generate.ts';
import { MINUTES_PER_DAY } from './minutes.ts';
import {
  APP_FUNCTIONS,
  APP_INVOCATIONS_A_DAY,
  APP_MEMORY_MB,
  FUNCTION_DURATION_MS,
  MEMORY_RATIO_SHARES,
  MEMORY_RATIOS,
  TRIGGER_SHARES,
} from './published.ts';
import { quantileAt } from './quantiles.ts';

export interface Generate2019Options {
  readonly seed: number;
  readonly apps: number;
  /** From d01. */
  readonly days: number;
  /** Rows with the quirks of the published files too, about as many as those have. */
  readonly quirks: boolean;
}

export type Part2019 = 'invocations' | 'durations' | 'memory';
/** Tells one line, without its end; `day` from 1. */
export type TellLine = (part: Part2019, day: number, line: string) => void;

interface MadeFunction {
  readonly ids: string;
  readonly trigger: string;
  readonly a_day: number;
  readonly period_minutes: number;
  readonly phase: number;
  readonly average_ms: number;
}

/** Days without a memory file, as published. */
const MEMORY_DAYS = 12;
/** Of the capacity of an instance of the plan, which is what the file has at most. */
const MOST_MB = 1_536;
const LONGEST_MS = 600_000;
const RANK_CORRELATION = -0.2;
/** Periods of timers, minutes. */
const PERIODS = [1, 5, 10, 15, 30, 60, 1_440] as const;
const WEEKEND = 0.85;
const MEMORY_NAMES = Object.keys(MEMORY_RATIOS);

export function generate2019(options: Generate2019Options, tell: TellLine): void {
  const random = seededRandom(options.seed);
  tellHeaders(options.days, tell);
  for (let app = 0; app < options.apps; app += 1) {
    const made = makeApp(random);
    for (let day = 1; day <= options.days; day += 1) tellDay(made, day, options, random, tell);
  }
}

function tellHeaders(days: number, tell: TellLine): void {
  const minutes = Array.from({ length: MINUTES_PER_DAY }, (_, at) => at + 1);
  const memory = ['HashOwner', 'HashApp', 'SampleCount', 'AverageAllocatedMb'];
  const percentiles = MEMORY_NAMES.map((name) => `AverageAllocatedMb_${name}`);
  for (let day = 1; day <= days; day += 1) {
    tell('invocations', day, [...INVOCATION_COLUMNS, ...minutes].join(','));
    tell('durations', day, DURATION_COLUMNS.join(','));
    if (day <= MEMORY_DAYS) tell('memory', day, [...memory, ...percentiles].join(','));
  }
}

interface MadeApp {
  readonly ids: string;
  readonly functions: readonly MadeFunction[];
  readonly memory: string;
}

function makeApp(random: () => number): MadeApp {
  const ids = `${nameOf(random)},${nameOf(random)}`;
  const level = normal(random);
  const a_day = quantileAt(APP_INVOCATIONS_A_DAY, normalShare(level));
  const count = Math.max(1, Math.round(quantileAt(APP_FUNCTIONS, random())));
  const functions: MadeFunction[] = [];
  for (let at = 0; at < count; at += 1) {
    // Half of what is left, again and again: the first functions have most.
    const share = at === count - 1 ? 2 ** -at : 2 ** -(at + 1);
    functions.push(makeFunction(ids, a_day * share, level, random));
  }
  return { ids, functions, memory: memoryRow(random) };
}

function makeFunction(
  app_ids: string,
  a_day: number,
  level: number,
  random: () => number,
): MadeFunction {
  const rest = Math.sqrt(1 - RANK_CORRELATION ** 2);
  const place = normalShare(RANK_CORRELATION * level + rest * normal(random));
  const minutes = MINUTES_PER_DAY / Math.max(1, a_day);
  const period = PERIODS.reduce((best, one) =>
    Math.abs(Math.log(one / minutes)) < Math.abs(Math.log(best / minutes)) ? one : best,
  );
  return {
    ids: `${app_ids},${nameOf(random)}`,
    trigger: triggerOf(random()),
    a_day,
    period_minutes: period,
    phase: Math.floor(random() * period),
    average_ms: Math.min(LONGEST_MS, quantileAt(FUNCTION_DURATION_MS, place)),
  };
}

function triggerOf(share: number): string {
  let below = 0;
  for (const [trigger, own] of TRIGGER_SHARES) {
    below += own;
    if (share < below) return trigger;
  }
  return 'others';
}

/** Percentiles rise together: one draw says how far they are apart. */
function memoryRow(random: () => number): string {
  const average = quantileAt(APP_MEMORY_MB, random());
  const spread = random();
  let before = 1;
  const percentiles = MEMORY_NAMES.map((name) => {
    const ratios = MEMORY_RATIO_SHARES.map(
      (share, at) => [share, MEMORY_RATIOS[name]?.[at] ?? 1] as const,
    );
    // Those below the average are the lower, the further they are apart.
    const place = ['pct1', 'pct5', 'pct25'].includes(name) ? 1 - spread : spread;
    before = Math.max(before, Math.min(MOST_MB, Math.round(average * quantileAt(ratios, place))));
    return before;
  });
  return [Math.round(average), ...percentiles].join(',');
}

function tellDay(
  app: MadeApp,
  day: number,
  { quirks }: Generate2019Options,
  random: () => number,
  tell: TellLine,
): void {
  // d06, d07, d13 and d14 are at weekends.
  const factor = day % 7 === 6 || day % 7 === 0 ? WEEKEND : 1;
  let invocations = 0;
  for (const one of app.functions) {
    const { counts, total } = countsOf(one, factor, random);
    if (total === 0) continue;
    invocations += total;
    if (quirks && random() < 1e-4) counts[0] = -1;
    const row = `${one.ids},${one.trigger},${counts.join(',')}`;
    tell('invocations', day, row);
    if (quirks && random() < 3e-4) tell('invocations', day, row);
    if (!quirks || random() > 0.0135)
      tell('durations', day, durationRow(one, total, quirks, random));
  }
  if (invocations === 0 || day > MEMORY_DAYS) return;
  if (quirks && random() < 0.024) return;
  const samples = Math.min(17_280, 240 + Math.round(invocations * 12 * random()));
  const row = `${app.ids},${samples},${app.memory}`;
  tell('memory', day, row);
  if (quirks && random() < 6e-4) tell('memory', day, row);
}

function countsOf(
  one: MadeFunction,
  factor: number,
  random: () => number,
): { readonly counts: number[]; readonly total: number } {
  const counts = Array.from({ length: MINUTES_PER_DAY }, () => 0);
  let total = 0;
  if (one.trigger === 'timer') {
    const times = Math.max(1, Math.round((one.a_day * one.period_minutes) / MINUTES_PER_DAY));
    for (let at = one.phase; at < MINUTES_PER_DAY; at += one.period_minutes) {
      counts[at] = times;
      total += times;
    }
    return { counts, total };
  }
  // Minutes with a burst have gamma-distributed rates of shape 1: negative binomial counts.
  const busy = Math.min(MINUTES_PER_DAY, Math.max(1, one.a_day * 0.5));
  const wanted = one.a_day * factor;
  for (let at = 0; at < MINUTES_PER_DAY; at += 1) {
    if (random() * MINUTES_PER_DAY > busy) continue;
    const swing = 1 + 0.5 * Math.sin((2 * Math.PI * at) / MINUTES_PER_DAY);
    const rate = (wanted / busy) * swing * -Math.log(1 - random());
    const count = Math.floor(rate) + Number(random() < rate % 1);
    counts[at] = count;
    total += count;
  }
  return { counts, total };
}

function durationRow(
  { ids, average_ms }: MadeFunction,
  executions: number,
  quirks: boolean,
  random: () => number,
): string {
  const spread = 0.3 + 0.7 * random();
  const places = [-3, -2.33, -0.67, 0, 0.67, 2.33, 3];
  const percentiles = DURATION_SHARES.map((_, at) => {
    const value = average_ms * Math.exp(spread * (places[at] ?? 0) - (spread * spread) / 2);
    return Math.min(LONGEST_MS, Math.max(1, Math.round(value)));
  });
  const draw = quirks ? random() : 1;
  const average = Math.round(average_ms);
  const told = draw < 1e-4 ? -41_700 : draw < 0.011 ? 0 : average;
  const extremes = draw > 0.9 && quirks ? [0, 0] : [percentiles[0], percentiles.at(-1)];
  return [ids, told, executions, ...extremes, ...percentiles].join(',');
}
