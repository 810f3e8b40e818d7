/**
 * Choose speedup: the greatest speed-up at which no window of the run asks for more than a share of
 * the CPU that is left, by costs that were measured. Pure.
 */
import { plannedStartTimes, type PlannedStart } from '../report/ideal.ts';
import { PlannedWork } from '../report/planned-work.ts';
import type {
  SpeedupChoice,
  SpeedupCosts,
  SpeedupDemand,
  SpeedupMeasured,
} from '../results/speedup-choice.ts';
import { REPLAY_LIMITS } from './limits.ts';
import type { SpeedupBounds } from './options.ts';
import type { PlannedFunction, ReplayPlan } from './plan.ts';

/** As much of a plan as decides what it asks for. */
export type DemandPlan = Pick<ReplayPlan, 'functions' | 'arrivals'>;

const STEP = 1.1;
const STEPS = 73;
/** Calls of 128 and of 256 MiB differed by a fifth where they were measured. */
const NEAR = 2;
/** From the trace's own speed to nearly a thousand times, a tenth apart. */
export const SPEEDUPS: readonly number[] = Array.from({ length: STEPS }, (_, step) =>
  Number((STEP ** step).toPrecision(3)),
);

/**
 * Null where every one of `speedups` asks for too much, unless there are bounds: then it is one
 * within them, and the least of them where that asks for too much. `planAt` is the plan at one.
 */
export function chooseSpeedup(
  planAt: (speedup: number) => DemandPlan,
  measured: SpeedupMeasured,
  bounds: SpeedupBounds | null = null,
  speedups: readonly number[] = SPEEDUPS,
): SpeedupChoice | null {
  const { speedup_share: most_share } = REPLAY_LIMITS;
  for (const speedup of withinBounds(speedups, bounds).toSorted((a, b) => b - a)) {
    const demand = greatestDemand(planAt(speedup), measured);
    const is_least = speedup === bounds?.least;
    if (demand.share <= most_share || is_least) return { speedup, most_share, measured, demand };
  }
  return null;
}

function withinBounds(speedups: readonly number[], bounds: SpeedupBounds | null): number[] {
  if (!bounds) return [...speedups];
  const { least, most } = bounds;
  return [least, ...speedups.filter((one) => one > least && one < most), most];
}

/** What the busiest window asks for under the mechanism to which it is dearest. */
export function greatestDemand(plan: DemandPlan, measured: SpeedupMeasured): SpeedupDemand {
  const { window_ms, windows } = windowsOf(plan);
  const idle_cpus = measured.idle_cpus_per_vm * plan.functions.length;
  let most: SpeedupDemand | null = null;
  for (const mechanism of new Set(measured.costs.map((one) => one.mechanism))) {
    const costs = measured.costs.filter((one) => one.mechanism === mechanism);
    const by_name = new Map(plan.functions.map((one) => [one.name, costsAt(costs, one)]));
    for (const [index, window] of windows.entries()) {
      const share = shareOf(cpuMs(window, by_name) / window_ms + idle_cpus, measured.cpus_left);
      if (most !== null && share <= most.share) continue;
      const [calls, starts] = [sum(window, 'calls'), sum(window, 'starts')];
      most = { mechanism, share, at_ms: index * window_ms, window_ms, calls, starts };
    }
  }
  if (!most) throw new RangeError('no mechanism was measured');
  return most;
}

/**
 * Those with the least and with the most memory, between which the others lie; the latter alone
 * where they are no more than `NEAR` times apart: what less memory costs is then a little less.
 */
export function measuredFunctions<T extends Pick<PlannedFunction, 'limit_bytes'>>(
  functions: readonly T[],
): readonly T[] {
  const sorted = functions.toSorted((a, b) => a.limit_bytes - b.limit_bytes);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most) throw new RangeError('a run has functions');
  return least.limit_bytes * NEAR >= most.limit_bytes ? [most] : [least, most];
}

type Costs = Pick<SpeedupCosts, 'call_cpu_ms' | 'start_cpu_ms' | 'compute_factor'>;

/** By its memory, on the line between the two that were measured. */
function costsAt(costs: readonly SpeedupCosts[], { limit_bytes }: { limit_bytes: number }): Costs {
  const sorted = costs.toSorted((a, b) => a.limit_bytes - b.limit_bytes);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most) throw new RangeError('no costs were measured');
  const span_bytes = most.limit_bytes - least.limit_bytes;
  const way = span_bytes === 0 ? 1 : (limit_bytes - least.limit_bytes) / span_bytes;
  const part = Math.min(1, Math.max(0, way));
  const at = (name: keyof Costs): number => least[name] * (1 - part) + most[name] * part;
  return {
    call_cpu_ms: at('call_cpu_ms'),
    start_cpu_ms: at('start_cpu_ms'),
    compute_factor: at('compute_factor'),
  };
}

/** A host with nothing left carries only what asks for nothing; JSON has no infinity. */
function shareOf(cpus: number, cpus_left: number): number {
  if (cpus === 0) return 0;
  return Math.min(Number.MAX_SAFE_INTEGER, cpus / cpus_left);
}

interface Tally {
  calls: number;
  starts: number;
  compute_ms: number;
}

/** By function. */
type DemandWindow = Map<string, Tally>;

function tallyOf(window: DemandWindow, name: string): Tally {
  const found = window.get(name) ?? { calls: 0, starts: 0, compute_ms: 0 };
  window.set(name, found);
  return found;
}

function sum(window: DemandWindow, of: 'calls' | 'starts'): number {
  return [...window.values()].reduce((total, tally) => total + tally[of], 0);
}

function cpuMs(window: DemandWindow, by_name: ReadonlyMap<string, Costs>): number {
  let cpu_ms = 0;
  for (const [name, { calls, starts, compute_ms }] of window) {
    const costs = by_name.get(name);
    if (!costs) throw new RangeError(`no costs of ${name}`);
    cpu_ms += calls * costs.call_cpu_ms + starts * costs.start_cpu_ms;
    cpu_ms += compute_ms * costs.compute_factor;
  }
  return cpu_ms;
}

/**
 * As many as fit with half a minute each at least, all of the same length, from the first arrival
 * to the last planned end. What is shorter than that is a moment that callers wait for.
 */
function windowsOf(plan: DemandPlan): {
  readonly window_ms: number;
  readonly windows: readonly DemandWindow[];
} {
  const { arrivals } = plan;
  const first_ms = arrivals.reduce((least, { at_ms }) => Math.min(least, at_ms), Infinity);
  const end_ms = arrivals.reduce((most, a) => Math.max(most, a.at_ms + a.duration_ms), -Infinity);
  const load_ms = Math.max(1, end_ms - first_ms);
  const count = Math.max(1, Math.floor(load_ms / REPLAY_LIMITS.speedup_window_ms));
  const window_ms = load_ms / count;
  const windows = Array.from({ length: count }, (): DemandWindow => new Map());
  const indexOf = (at_ms: number): number => Math.floor((at_ms - first_ms) / window_ms);
  // What goes on behind the end, or begins on it, is of the last one.
  const tallyAt = (index: number, name: string): Tally =>
    tallyOf(windows[Math.min(index, count - 1)] ?? new Map(), name);
  for (const { at_ms, function: name, task } of arrivals) {
    let index = indexOf(at_ms);
    tallyAt(index, name).calls += 1;
    // It computes first and waits then, on one CPU.
    let room_ms = window_ms - (at_ms - first_ms - index * window_ms);
    let left_ms = task.kind === 'emulated' ? task.work.cpu_ms : 0;
    for (; left_ms > 0; left_ms -= room_ms, room_ms = window_ms, index += 1) {
      tallyAt(index, name).compute_ms += Math.min(left_ms, room_ms);
    }
  }
  for (const { at_ms, name } of startsOf(plan)) tallyAt(indexOf(at_ms), name).starts += 1;
  return { window_ms, windows };
}

/** Each call holds its instance as long as the plan's concurrency takes it to. */
function startsOf({ functions, arrivals }: DemandPlan): readonly PlannedStart[] {
  const work = new PlannedWork();
  for (const one of arrivals) {
    work.add(one.function, one.at_ms, one.duration_ms + REPLAY_LIMITS.held_longer_ms);
  }
  return plannedStartTimes(work, functions) ?? [];
}
