/**
 * One call of a DAG: which stages are to begin now, when each is to be over, and what it came to.
 * Never changed: every step gives the next. Whoever makes the calls tells what becomes of them.
 * Pure.
 */
import { assert } from '../../base/assert.ts';
import type { Refusal } from '../model/refusals.ts';
import type { DagPlan, StagePlan } from './plan.ts';
import { NOTHING_SPENT, type Spent, sumSpent } from './spent.ts';

/** What became of a stage that was begun. */
export interface StageEnd {
  readonly ended_at_ms: number;
  readonly spent: Spent;
  /** Null: it is done. */
  readonly failure: Refusal | null;
}

export interface StageState {
  readonly begun_at_ms: number;
  /** Null: it waits or runs. */
  readonly end: StageEnd | null;
}

export interface DagRun {
  readonly plan: DagPlan;
  readonly received_at_ms: number;
  /** Those that were begun. */
  readonly stages: ReadonlyMap<string, StageState>;
  /** The stage that failed first, and why; no further one is begun. */
  readonly failed: { readonly stage: string; readonly failure: Refusal } | null;
}

export const beginRun = (plan: DagPlan, received_at_ms: number): DagRun => ({
  plan,
  received_at_ms,
  stages: new Map(),
  failed: null,
});

/** Stages that are to begin now: all before them are done. */
export function dueStages(run: DagRun): StagePlan[] {
  if (run.failed) return [];
  const isDone = (name: string): boolean => run.stages.get(name)?.end != null;
  return [...run.plan.stages.values()].filter(
    ({ name, before }) => !run.stages.has(name) && before.every(isDone),
  );
}

export function stageBegun(run: DagRun, stage: string, begun_at_ms: number): DagRun {
  assert(!run.stages.has(stage), 'a stage begins once');
  return { ...run, stages: new Map(run.stages).set(stage, { begun_at_ms, end: null }) };
}

export function stageEnded(run: DagRun, stage: string, end: StageEnd): DagRun {
  const found = run.stages.get(stage);
  assert(found && !found.end, 'a stage that ends was begun, and ends once');
  const stages = new Map(run.stages).set(stage, { ...found, end });
  const failed = run.failed ?? (end.failure ? { stage, failure: end.failure } : null);
  return { ...run, stages, failed };
}

/** Stages that were begun and have not ended. */
export const openStages = ({ stages }: DagRun): string[] =>
  [...stages].flatMap(([name, { end }]) => (end ? [] : [name]));

/** Nothing of it runs, and nothing more begins. */
export const isOver = (run: DagRun): boolean =>
  openStages(run).length === 0 && dueStages(run).length === 0;

/** When a stage is to be over, so that what follows it has its time. */
export function stageDeadlineMs({ plan, received_at_ms }: DagRun, stage: string): number {
  return received_at_ms + plan.dag.deadline_ms - (plan.stages.get(stage)?.rest_ms ?? 0);
}

/** A call that will come. */
export interface Foreseen {
  readonly stage: string;
  readonly function: string;
  readonly at_ms: number;
}

/** Those of the stages that wait for others, as they are foreseen when the call comes. */
export function foreseenCalls({ plan, received_at_ms, stages }: DagRun): Foreseen[] {
  return [...plan.stages.values()].flatMap(({ name, function: runs, before, begin_ms }) =>
    before.length === 0 || stages.has(name)
      ? []
      : [{ stage: name, function: runs, at_ms: received_at_ms + begin_ms }],
  );
}

/** Stages without one after them, in the order of the definition: their answers are the answer. */
export const lastStages = ({ dag, stages }: DagPlan): string[] =>
  dag.stages.flatMap(({ name }) => (stages.get(name)?.after.length === 0 ? [name] : []));

/**
 * The way that took longest: from the stage that ended last backwards, each time to the one of
 * those before it that ended last.
 */
export function takenPath(run: DagRun): string[] {
  const path: string[] = [];
  let at = latest(run, [...run.stages.keys()]);
  while (at !== null) {
    path.unshift(at);
    at = latest(run, run.plan.stages.get(at)?.before ?? []);
  }
  return path;
}

function latest({ stages }: DagRun, names: readonly string[]): string | null {
  let found: { readonly name: string; readonly at_ms: number } | null = null;
  for (const name of names) {
    const at_ms = stages.get(name)?.end?.ended_at_ms;
    if (at_ms !== undefined && (!found || at_ms > found.at_ms)) found = { name, at_ms };
  }
  return found?.name ?? null;
}

/** Where the time went along that way; what is in none of it is the agent's own. */
export function spentOnPath(run: DagRun, path: readonly string[]): Spent {
  return path.reduce(
    (sum, name) => sumSpent(sum, run.stages.get(name)?.end?.spent ?? NOTHING_SPENT),
    NOTHING_SPENT,
  );
}
