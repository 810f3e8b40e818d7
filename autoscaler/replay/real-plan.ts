/**
 * Real plan: the same arrivals, with calls of real programs in the place of emulated ones. Every
 * call gets the size that takes as long as the trace says, as near as the program can. Pure.
 */
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import { percentile, Sample } from '../../base/statistics.ts';
import type { RealFunction } from '../results/schema.ts';
import { matchPrograms, peakBytes, sizeWithin } from '../workload-model/match-programs.ts';
import { PROGRAM_COSTS, type ProgramCosts } from '../workload-model/program-costs.ts';
import {
  callMs,
  type CurvePoint,
  curveOf,
  isInReach,
  type ProgramCurve,
  sizeFor,
} from '../workload-model/program-curve.ts';
import {
  type PlannedArrival,
  type PlannedFunction,
  type ReplayPlan,
  measuredWindow,
} from './plan.ts';

/**
 * How many times as long an emulated CPU takes as the one on which the table was measured, about:
 * only the choice of programs, and a plan that is never run, go by it.
 */
const SLOWNESS = 10;

/** Of a function's calls, by which its program is chosen. */
const QUARTILES = [0.25, 0.5, 0.75];
/** Traces have calls of no time at all. */
const SHORTEST_MS = 0.1;

/** What a program needs to run at all, by its function.yaml. */
export interface ProgramNeeds {
  readonly limit_bytes: number;
  readonly boot_bytes: number;
}

/** A program that stands for a function of the trace. */
export interface Stand {
  readonly costs: ProgramCosts;
  readonly needs: ProgramNeeds;
  /** The greatest size that is asked for, by the memory that instances have. */
  readonly most_size: number;
  /** The longest call that the trace has. */
  readonly longest_ms: number;
}

/** By function of the plan, in its order. `needsOf` tells of a program by its name. */
export function chooseStands(
  plan: ReplayPlan,
  needsOf: (program: string) => ProgramNeeds,
): ReadonlyMap<string, Stand> {
  const durations = durationsOf(plan);
  const wanted = plan.functions.map((one) => ({
    durations_ms: QUARTILES.map((share) =>
      Math.max(SHORTEST_MS, shareOf(durations.get(one.name), share) / SLOWNESS),
    ),
    limit_bytes: one.limit_bytes,
  }));
  const chosen = matchPrograms(wanted, PROGRAM_COSTS);
  return new Map(
    plan.functions.map((one, index) => {
      const costs = chosen[index];
      if (!costs) throw new RangeError(`no program for ${one.name}`);
      const needs = needsOf(costs.name);
      const limit_bytes = Math.max(one.limit_bytes, needs.limit_bytes);
      const most_size = sizeWithin(costs, limit_bytes);
      const longest_ms = durations.get(one.name)?.sorted.at(-1) ?? 0;
      return [one.name, { costs, needs, most_size, longest_ms }];
    }),
  );
}

/** By the table, before any call was measured. */
function tablePoints({ costs, most_size }: Stand): readonly CurvePoint[] {
  return costs.points
    .filter(({ size }) => size <= most_size)
    .map(({ size, ms }) => ({ size, ms: ms * SLOWNESS }));
}

/**
 * The plan with `stands` in the place of emulations. `measured` has the calls of each function's
 * program; of one that is not in it the table's are taken, and the manifest says so by none.
 */
export function realPlan(
  plan: ReplayPlan,
  stands: ReadonlyMap<string, Stand>,
  measured: ReadonlyMap<string, readonly CurvePoint[]>,
  seed: number,
): ReplayPlan {
  const curves = new Map(
    [...stands].map(([name, stand]) => [name, curveOf(measured.get(name) ?? tablePoints(stand))]),
  );
  const arrivals = plan.arrivals.map((one, index) => {
    const curve = curves.get(one.function);
    return curve ? realArrival(one, curve, (seed + index) % 2 ** 32) : one;
  });
  const sizes = new Map(plan.functions.map(({ name }) => [name, new Sample()] as const));
  for (const { function: name, task } of arrivals) {
    if (task.kind === 'real') sizes.get(name)?.add(task.input.size);
  }
  const durations = durationsOf(plan);
  const functions = plan.functions.map((one): PlannedFunction => {
    const [stand, curve] = [stands.get(one.name), curves.get(one.name)];
    if (!stand || !curve) return one;
    const usual_size = median(sizes.get(one.name));
    const told = toldOf(one, { stand, curve, durations: durations.get(one.name), usual_size });
    const limit_bytes = roundUp(
      Math.max(one.limit_bytes, stand.needs.limit_bytes),
      MEMORY_BLOCK_BYTES,
    );
    const boot_bytes = Math.max(one.boot_bytes, stand.needs.boot_bytes);
    const points = [...(measured.get(one.name) ?? [])];
    return { ...one, limit_bytes, boot_bytes, real: { ...told, points } };
  });
  return { functions, arrivals, ...measuredWindow(functions, arrivals, plan.warm_up.ms) };
}

function realArrival(one: PlannedArrival, curve: ProgramCurve, seed: number): PlannedArrival {
  const size = sizeFor(curve, one.duration_ms);
  const duration_ms = Math.round(callMs(curve, size) * 1000) / 1000;
  return { ...one, duration_ms, task: { kind: 'real', input: { seed, size } } };
}

interface Fitted {
  readonly stand: Stand;
  readonly curve: ProgramCurve;
  readonly durations: Sample | undefined;
  readonly usual_size: number;
}

function toldOf(
  one: PlannedFunction,
  { stand, curve, durations, usual_size }: Fitted,
): Omit<RealFunction, 'points'> {
  const wanted = durations?.sorted ?? [];
  return {
    program: stand.costs.name,
    shortest_ms: curve.points[0]?.ms ?? 0,
    longest_ms: curve.points.at(-1)?.ms ?? 0,
    calls_in_reach: wanted.filter((ms) => isInReach(curve, ms)).length,
    wanted_p50_ms: median(durations),
    planned_p50_ms: callMs(curve, usual_size),
    wanted_limit_bytes: one.limit_bytes,
    needed_bytes: peakBytes(stand.costs, usual_size),
  };
}

function durationsOf({ functions, arrivals }: ReplayPlan): ReadonlyMap<string, Sample> {
  const found = new Map(functions.map(({ name }) => [name, new Sample()]));
  for (const one of arrivals) found.get(one.function)?.add(one.duration_ms);
  return found;
}

function median(sample: Sample | undefined): number {
  return shareOf(sample, 0.5);
}

function shareOf(sample: Sample | undefined, share: number): number {
  return (sample && percentile(sample, share)) ?? 0;
}
