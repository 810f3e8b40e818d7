/** The record of one call of a DAG, from what its stages came to. Pure. */
import { cutBytes } from '../../base/cut-bytes.ts';
import type { DagRun } from '../dag/run.ts';
import { spentOnPath, stageDeadlineMs, takenPath } from '../dag/run.ts';
import type { DagInvocation } from '../model/dag-messages.ts';
import type { Invocation } from '../model/records.ts';
import type { Refusal } from '../model/refusals.ts';

/** Of the reason in a record, which a caller gets in a trailer; the whole error goes beside it. */
const REASON_BYTES = 512;

export interface EndedDag {
  readonly run: DagRun;
  readonly finished_at_ms: number;
  /** Stages that an invocation was made for. */
  readonly stages: readonly {
    readonly name: string;
    readonly end: Pick<Invocation, 'cold' | 'instance_id'>;
  }[];
  readonly failure: Refusal | null;
}

export function dagRecord(invocation_id: string, ended: EndedDag): DagInvocation {
  const { run, finished_at_ms, failure } = ended;
  const { plan, received_at_ms, failed } = run;
  const { name, deadline_ms } = plan.dag;
  const path = takenPath(run);
  const told = [...plan.stages.keys()].filter((stage) => !failure || stage === failed?.stage);
  return {
    invocation_id,
    dag: name,
    outcome: failure ? 'failed' : 'done',
    error_code: failure?.code ?? null,
    reason: failure ? cutBytes(failure.message, REASON_BYTES) : null,
    failed_stage: failed?.stage ?? null,
    received_at_ms,
    finished_at_ms,
    deadline_ms,
    in_time: !failure && finished_at_ms - received_at_ms <= deadline_ms,
    // A trailer has room for little.
    path: failure ? [] : path,
    spent: spentOnPath(run, path),
    stages: told.map((stage) => stageRow(ended, stage)),
  };
}

function stageRow({ run, stages }: EndedDag, stage: string): DagInvocation['stages'][number] {
  const state = run.stages.get(stage);
  const { cold = false, instance_id = null } = stages.find((one) => one.name === stage)?.end ?? {};
  const end = state?.end ?? null;
  return {
    stage,
    function: run.plan.stages.get(stage)?.function ?? '',
    outcome: end ? (end.failure ? 'failed' : 'done') : 'skipped',
    error_code: end?.failure?.code ?? null,
    instance_id,
    cold,
    begun_at_ms: state?.begun_at_ms ?? null,
    ended_at_ms: end?.ended_at_ms ?? null,
    deadline_at_ms: stageDeadlineMs(run, stage),
    spent: end?.spent ?? null,
  };
}
