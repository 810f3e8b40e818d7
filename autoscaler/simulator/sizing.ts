/**
 * Functions and their invocations, played under every strategy. All figures are simulated. Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { NO_HISTORY, notePeak, REVIEW_EVERY } from '../policy/sizing/history.ts';
import {
  type AppMemory,
  invocationOf,
  memoryAt,
  type MemorySeries,
  peakOf,
} from '../trace/memory-series.ts';
import { type InstanceModel, type InstanceTally, playInvocation } from './instance.ts';
import { STRATEGIES, type Strategy } from './strategies.ts';

/** What memory of a function is like; ReSC's four. */
export const APP_CLASSES = ['small', 'large', 'varying', 'average'] as const;
export type AppClass = (typeof APP_CLASSES)[number];

/**
 * The class of each application among all of them. Varying: its largest sample is at least twice
 * its median; of the others small has a median in the lowest quarter of all medians, large in the
 * highest.
 */
export function classify(apps: readonly AppMemory[]): AppClass[] {
  const medians = apps.map((app) => memoryAt(app, 0.5));
  const sorted = medians.toSorted((a, b) => a - b);
  const low = sorted[Math.floor(sorted.length / 4)] ?? 0;
  const high = sorted[Math.floor((sorted.length * 3) / 4)] ?? 0;
  return apps.map((app, index) => {
    const median = medians[index] ?? 0;
    if (memoryAt(app, 1) >= 2 * median) return 'varying';
    if (median <= low) return 'small';
    return median >= high ? 'large' : 'average';
  });
}

/** Up to `count` applications of each class, drawn by the seed. */
export function drawApps(
  apps: readonly AppMemory[],
  count: number,
  seed: number,
): { readonly app: AppMemory; readonly app_class: AppClass }[] {
  const classes = classify(apps);
  const next = seededRandom(seed);
  return APP_CLASSES.flatMap((app_class) => {
    const members = apps.filter((_, index) => classes[index] === app_class);
    const drawn: AppMemory[] = [];
    while (drawn.length < count && members.length > 0) {
      drawn.push(...members.splice(Math.floor(next() * members.length), 1));
    }
    return drawn.map((app) => ({ app, app_class }));
  });
}

/** Sums of one strategy over invocations. */
export type StrategySums = { -readonly [Key in keyof InstanceTally]: number } & {
  invocations: number;
};

const SUMS = [
  'invocations',
  'held_byte_ms',
  'used_byte_ms',
  'plugs',
  'unplugs',
  'waits',
  'wait_ms',
  'duration_ms',
] as const satisfies readonly (keyof StrategySums)[];

export function noSums(): StrategySums {
  return {
    invocations: 0,
    held_byte_ms: 0,
    used_byte_ms: 0,
    plugs: 0,
    unplugs: 0,
    waits: 0,
    wait_ms: 0,
    duration_ms: 0,
  };
}

/** Adds what is there of `more`. */
export function addSums(sums: StrategySums, more: Partial<StrategySums>): void {
  for (const key of SUMS) sums[key] += more[key] ?? 0;
}

/** By name of the strategy. */
export type Sums = ReadonlyMap<string, StrategySums>;

export interface PlayedApp {
  readonly sums: Sums;
  /** After how many invocations a size was chosen. */
  readonly changes: readonly number[];
}

export interface AppRun {
  readonly invocations: number;
  readonly duration_ms: number;
  readonly seed: number;
  readonly model: InstanceModel;
}

/**
 * Invocations of one application, whose peaks are drawn from its percentiles. Those before the
 * first review are played and not counted, for any strategy.
 */
export function playApp(app: AppMemory, run: AppRun): PlayedApp {
  const next = seededRandom(run.seed);
  const sums = new Map(STRATEGIES.map(({ name }) => [name, noSums()]));
  const changes: number[] = [];
  const peak_bytes = memoryAt(app, 1);
  let history = NO_HISTORY;
  for (let index = 0; index < run.invocations; index += 1) {
    const series = invocationOf(app, memoryAt(app, next()), run.duration_ms);
    if (index >= REVIEW_EVERY) {
      for (const strategy of STRATEGIES) {
        const plan = strategy.plan({ series, peak_bytes, history });
        countIn(sums, strategy, playInvocation(series, plan, run.model));
      }
    }
    const seen = notePeak(history, peakOf(series));
    if (seen.chosen !== history.chosen) changes.push(index + 1);
    history = seen;
  }
  return { sums, changes };
}

/**
 * Series, each an invocation of its own: strategies that need history have none, and are left out.
 */
export function playSeries(all: readonly MemorySeries[], model: InstanceModel): Sums {
  const strategies = STRATEGIES.filter(({ needs_history }) => !needs_history);
  const sums = new Map(strategies.map(({ name }) => [name, noSums()]));
  const peak_bytes = all.reduce((most, series) => Math.max(most, peakOf(series)), 0);
  for (const series of all) {
    for (const strategy of strategies) {
      const plan = strategy.plan({ series, peak_bytes, history: NO_HISTORY });
      countIn(sums, strategy, playInvocation(series, plan, model));
    }
  }
  return sums;
}

function countIn(sums: Sums, { name }: Strategy, tally: InstanceTally): void {
  const of = sums.get(name);
  if (of) addSums(of, { ...tally, invocations: 1 });
}
