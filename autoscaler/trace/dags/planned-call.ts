/** One call of a trace as it would go if nothing ever waited. Pure. */
import { type DagPlan, planDag } from '../../../agent/dag/plan.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import type { DagArrival, DagTrace } from './dag-trace.ts';

/** The plan of a DAG by what its stages really take; a stage's `function` is its name there. */
export function plannedCall(dag: DagSpec, { run_ms }: Pick<DagArrival, 'run_ms'>): DagPlan {
  const took_ms = new Map(dag.stages.map(({ name }, at) => [name, run_ms[at] ?? 0]));
  const stages = dag.stages.map((stage) => ({ ...stage, function: stage.name }));
  return planDag({ ...dag, stages }, (name) => took_ms.get(name) ?? null);
}

/** Most runs of each function at a time, if nothing ever waited. */
export function plannedAtOnce({ dags, calls }: DagTrace): Map<string, number> {
  const changes = new Map<string, [at_ms: number, more: number][]>();
  for (const call of calls) {
    const dag = dags[call.dag];
    if (!dag) continue;
    const plan = plannedCall(dag, call);
    for (const stage of dag.stages) {
      const { begin_ms = 0, exec_ms = 0 } = plan.stages.get(stage.name) ?? {};
      const own = changes.get(stage.function) ?? [];
      changes.set(stage.function, own);
      const from_ms = call.at_ms + begin_ms;
      own.push([from_ms, 1], [from_ms + exec_ms, -1]);
    }
  }
  return new Map([...changes].map(([name, own]) => [name, mostOf(own)]));
}

function mostOf(changes: readonly (readonly [at_ms: number, more: number])[]): number {
  let [now, most] = [0, 0];
  for (const [, more] of changes.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    now += more;
    most = Math.max(most, now);
  }
  return most;
}
