/**
 * What is foreseen of a call of a DAG: when each stage can begin, and how long the longest way from
 * it to the end is; from means of how long its functions ran. Pure.
 */
import { afterStage, beforeStage, type DagSpec, type DagStage, stageOrder } from '../model/dag.ts';

export interface StagePlan extends DagStage {
  /** Stages right before and after it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** How long it runs when an instance is ready; 0: not known. */
  readonly exec_ms: number;
  /** From the call until it can begin. */
  readonly begin_ms: number;
  /** From its end until all is over: the longest way. */
  readonly rest_ms: number;
}

export interface DagPlan {
  readonly dag: DagSpec;
  /** By name, in an order in which each comes after all before it. */
  readonly stages: ReadonlyMap<string, StagePlan>;
  /** From the call until all is over, where every instance is ready. */
  readonly path_ms: number;
}

/** `execMs`: how long a function runs; null: not known. */
export function planDag(dag: DagSpec, execMs: (name: string) => number | null): DagPlan {
  const order = stageOrder(dag).flatMap(
    (name) => dag.stages.find((one) => one.name === name) ?? [],
  );
  const exec = new Map(order.map((stage) => [stage.name, execMs(stage.function) ?? 0]));
  const rest = new Map<string, number>();
  for (const { name } of order.toReversed()) {
    const ways = afterStage(dag, name).map((next) => valueOf(exec, next) + valueOf(rest, next));
    rest.set(name, Math.max(0, ...ways));
  }
  const stages = new Map<string, StagePlan>();
  let path_ms = 0;
  for (const stage of order) {
    const before = beforeStage(dag, stage.name);
    const ends = before.map((name) => endMs(stages.get(name)));
    const [begin_ms, exec_ms] = [Math.max(0, ...ends), valueOf(exec, stage.name)];
    const after = afterStage(dag, stage.name);
    const rest_ms = valueOf(rest, stage.name);
    stages.set(stage.name, { ...stage, before, after, exec_ms, begin_ms, rest_ms });
    path_ms = Math.max(path_ms, begin_ms + exec_ms);
  }
  return { dag, stages, path_ms };
}

const valueOf = (values: ReadonlyMap<string, number>, name: string): number =>
  values.get(name) ?? 0;

const endMs = (stage: StagePlan | undefined): number =>
  stage ? stage.begin_ms + stage.exec_ms : 0;
