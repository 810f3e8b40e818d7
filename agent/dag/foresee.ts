/**
 * What is said to functions of calls that a DAG makes: that they come, or do not. A call that came
 * takes the place of one that instances stood ready for. Pure.
 */
import type { ExpectedCall } from '../model/expected-call.ts';
import type { HostEvent } from '../model/events.ts';
import type { StagePlan } from './plan.ts';
import { type DagRun, foreseenCalls } from './run.ts';

/** Foreseen calls are forgotten so many deadlines after the DAG was called. */
const FORGOTTEN_AFTER = 3;

/** The name under which a stage of a call is foreseen. */
export const foreseenId = (call: string, stage: string): string => `${call}/${stage}`;

/** The name under which instances stand ready for a stage, one for each place. */
export const placeId = (dag: string, stage: string, place: number): string =>
  `${dag}/ready${place}/${stage}`;

/** Stages for which instances stood ready, and the place that the call takes; null: it has none. */
export interface TakenPlace {
  readonly stages: readonly StagePlan[];
  readonly place: number | null;
}

export const NO_PLACE: TakenPlace = { stages: [], place: null };

/**
 * The call comes: instances of the stages to come are to be ready in time, and those that stood
 * ready are for it. `call`: its own name.
 */
export function foreseeStages(run: DagRun, call: string, taken = NO_PLACE): HostEvent[] {
  const { plan, received_at_ms } = run;
  const until_ms = received_at_ms + FORGOTTEN_AFTER * plan.dag.deadline_ms;
  const expected = new Map<string, { calls: ExpectedCall[]; dropped: string[] }>();
  const of = (name: string) => {
    const found = expected.get(name) ?? { calls: [], dropped: [] };
    expected.set(name, found);
    return found;
  };
  for (const { stage, function: name, at_ms } of foreseenCalls(run)) {
    of(name).calls.push({ id: foreseenId(call, stage), at_ms, until_ms });
  }
  const { stages, place } = taken;
  for (const { name: stage, function: name, before } of place === null ? [] : stages) {
    of(name).dropped.push(placeId(plan.dag.name, stage, place ?? 0));
    // One that begins now has not been foreseen: what stood ready waits for its call.
    const id = foreseenId(call, stage);
    if (before.length === 0) of(name).calls.push({ id, at_ms: received_at_ms, until_ms });
  }
  return [...expected].map(([name, told]) => ({ type: 'expect', function: name, ...told }));
}

/** Those that were foreseen and will not come: it is over. */
export function dropStages(run: DagRun, call: string): HostEvent[] {
  const by_function = Map.groupBy(foreseenCalls(run), (one) => one.function);
  return [...by_function].map(([name, calls]) => ({
    type: 'expect',
    function: name,
    calls: [],
    dropped: calls.map(({ stage }) => foreseenId(call, stage)),
  }));
}
