/** What the agent has learned of functions, as a DAG is planned by it. Pure. */
import { untilReadyMs } from '../model/pace.ts';
import type { DagSpec } from '../model/dag.ts';
import type { HostState } from '../model/state.ts';
import { type DagPlan, planDag, type StagePlan } from './plan.ts';
import { stagesToKeep } from './ready.ts';

type Functions = Pick<HostState['functions'], 'get'>;

/** By the means of how long its functions ran. */
export function learnedPlan(dag: DagSpec, functions: Functions): DagPlan {
  return planDag(dag, (name) => {
    const pace = functions.get(name)?.pace;
    return pace?.exec_ms ?? pace?.slowed_ms ?? null;
  });
}

/** Its stages for which instances are to stand ready, by how long their starts took. */
export function keptStages(plan: DagPlan, functions: Functions): StagePlan[] {
  return stagesToKeep(plan, (name) => {
    const pace = functions.get(name)?.pace;
    return pace && pace.start.total > 0 ? untilReadyMs(pace) : null;
  });
}
