/**
 * Instances that stand ready for the next calls of a DAG: of those stages alone that could not be
 * started in time once it is called, and as many as its bursts called at a time. What a deadline
 * leaves time to start costs nothing between calls. Learned anew by the next agent. Pure.
 */
import {
  type DurationTally,
  durationPercentile,
  NO_DURATIONS,
  withDuration,
} from '../model/durations.ts';
import type { HostEvent } from '../model/events.ts';
import { placeId } from './foresee.ts';
import type { DagPlan, StagePlan } from './plan.ts';

/** How often a DAG is called at a time. */
export interface Depth {
  /** Calls that are not over. */
  readonly running: number;
  /** Most at a time since none was. */
  readonly deepest: number;
  /** The same of each burst before; one burst is one number, no duration. */
  readonly bursts: DurationTally;
}

export const NO_DEPTH: Depth = { running: 0, deepest: 0, bursts: NO_DURATIONS };

/** Of bursts, that are to find all their instances ready; chosen, as the deadlines' own goal. */
const BURST_PERCENT = 99;

export function callBegun({ running, deepest, bursts }: Depth): Depth {
  const now = running + 1;
  if (running > 0) return { running: now, deepest: Math.max(deepest, now), bursts };
  return {
    running: now,
    deepest: now,
    bursts: deepest > 0 ? withDuration(bursts, deepest) : bursts,
  };
}

export function callEnded(depth: Depth): Depth {
  return { ...depth, running: Math.max(0, depth.running - 1) };
}

/** For so many calls at a time instances are to be there; at least for one. */
function depthOf({ deepest, bursts }: Depth): number {
  // Of a class of counts the percentile is its upper end.
  return Math.max(1, deepest, Math.floor(durationPercentile(bursts, BURST_PERCENT) ?? 0));
}

/** The place that the next call takes; null: it finds none. */
export function nextPlace(depth: Depth): number | null {
  return depth.running < depthOf(depth) ? depth.running : null;
}

/** Of what a deadline leaves beside means; the rest is for runs that take longer. Chosen. */
const SHARE_OF_SLACK = 0.75;

/**
 * Stages that would make the DAG miss its deadline if their instance was started when it is called:
 * the start is over later than the stage could begin, by more than the deadline has left for it.
 * `readyMs`: how long a start of a function takes; null: not known.
 */
export function stagesToKeep(
  { dag, stages, path_ms }: DagPlan,
  readyMs: (name: string) => number | null,
): StagePlan[] {
  const left_ms = SHARE_OF_SLACK * (dag.deadline_ms - path_ms);
  return [...stages.values()].filter((stage) => {
    const ready_ms = readyMs(stage.function) ?? Number.POSITIVE_INFINITY;
    return ready_ms - stage.begin_ms > left_ms;
  });
}

/**
 * Instances stand ready for the calls that may come beside those that run, until then, and those of
 * other stages, that did, need not any more.
 */
export function standReady(
  dag: string,
  { stages, stood, depth }: Standing,
  { now_ms, until_ms }: { readonly now_ms: number; readonly until_ms: number },
): HostEvent[] {
  const left = stood.filter(({ name }) => !stages.some((stage) => stage.name === name));
  const of_function = Map.groupBy([...stages, ...left], (stage) => stage.function);
  return [...of_function].map(([name, own]) => {
    const goes = own.filter((one) => left.includes(one));
    const stays = own.filter((one) => !left.includes(one));
    return {
      type: 'expect',
      function: name,
      calls: placesOf(dag, stays, depth).map((id) => ({ id, at_ms: now_ms, until_ms })),
      dropped: placesOf(dag, goes, depth),
    };
  });
}

/** Of a DAG: stages that are to stand ready, those that stood so, and how often it is called. */
export interface Standing {
  readonly stages: readonly StagePlan[];
  readonly stood: readonly StagePlan[];
  readonly depth: Depth;
}

/** Names of the places that no call has taken. */
function placesOf(dag: string, stages: readonly StagePlan[], depth: Depth): string[] {
  const found: string[] = [];
  for (let place = depth.running; place < depthOf(depth); place += 1) {
    for (const { name } of stages) found.push(placeId(dag, name, place));
  }
  return found;
}
