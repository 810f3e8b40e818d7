/** Messages about DAGs. Pure. */
import { z } from 'zod';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { dagSpecSchema } from './dag.ts';
import { count, duration_ms, field, message, moment_ms, octets } from './fields.ts';
import { optional_text, stamp_ms, text } from './fields.ts';

export const deployDagRequestSchema = message('DeployDagRequest', {
  dag: field(1, dagSpecSchema),
});

export const deployDagResponseSchema = message('DeployDagResponse', {
  outcome: field(1, z.enum(['added', 'replaced', 'unchanged'])),
});
export type DeployDagResponse = z.infer<typeof deployDagResponseSchema>;

export const removeDagRequestSchema = message('RemoveDagRequest', { dag: field(1, z.string()) });
export const removeDagResponseSchema = message('RemoveDagResponse', {});
export type RemoveDagResponse = z.infer<typeof removeDagResponseSchema>;

/** Characters of a caller's name for a call; a stage's name is put behind it. */
const ID_CHARS = 64;

export const invokeDagRequestSchema = message('InvokeDagRequest', {
  dag: field(1, z.string()),
  invocation_id: field(
    2,
    z.string().max(ID_CHARS),
    "the caller's; those of its stages are this, a slash, and the stage",
  ),
  payload: field(
    3,
    octets.refine(({ length }) => length <= PROTOCOL.payload_bytes, 'is longer than 6 MiB'),
    'of the stages that wait for none',
  ),
  content_type: field(4, z.string().max(PROTOCOL.content_type_bytes), 'of the payload'),
});
export type InvokeDagRequest = z.infer<typeof invokeDagRequestSchema>;

const spentSchema = message(
  'DagSpent',
  {
    wait_ms: field(1, duration_ms, 'for an instance'),
    permit_ms: field(2, duration_ms, 'for memory of the host'),
    plug_ms: field(3, duration_ms),
    start_ms: field(4, duration_ms, 'of an instance, after its plug'),
    run_ms: field(5, duration_ms),
  },
  'Where time went.',
);

const dagStageEndSchema = message('DagStageEnd', {
  stage: field(1, text),
  function: field(2, text),
  outcome: field(3, z.enum(['done', 'failed', 'skipped']), 'skipped: it was not begun'),
  error_code: field(4, optional_text),
  instance_id: field(5, optional_text),
  cold: field(6, z.boolean(), 'an instance had to be started for it'),
  begun_at_ms: field(7, stamp_ms),
  ended_at_ms: field(8, stamp_ms),
  deadline_at_ms: field(9, moment_ms, 'when it was to be over'),
  spent: field(10, spentSchema.nullable(), 'absent: it was not begun'),
});

export const dagInvocationSchema = message(
  'DagInvocation',
  {
    invocation_id: field(1, text),
    dag: field(2, text),
    outcome: field(3, z.enum(['done', 'failed'])),
    error_code: field(4, optional_text),
    reason: field(5, optional_text),
    failed_stage: field(6, optional_text),
    received_at_ms: field(7, moment_ms),
    finished_at_ms: field(8, moment_ms),
    deadline_ms: field(9, duration_ms),
    in_time: field(10, z.boolean(), 'done, and within the deadline'),
    path: field(11, z.array(text).readonly(), 'stages of the way that took longest'),
    spent: field(12, spentSchema, 'along that way'),
    stages: field(
      13,
      z.array(dagStageEndSchema).readonly(),
      'in an order in which each comes after all before it; where one failed, that one alone',
    ),
  },
  'One call of a DAG, when it is over.',
);
export type DagInvocation = Readonly<z.infer<typeof dagInvocationSchema>>;

export const invokeDagResponseSchema = message('InvokeDagResponse', {
  record: field(1, dagInvocationSchema),
  payload: field(2, octets.nullable(), 'the answer of its last stages; absent: it failed'),
  content_type: field(3, optional_text, 'of the answer'),
});

export const dagStatusSchema = message('DagStatus', {
  dag: field(1, dagSpecSchema),
  running: field(2, count),
  met: field(3, count, 'done within the deadline, since the agent began'),
  missed: field(4, count, 'done later'),
  failed: field(5, count),
  spent: field(6, spentSchema, 'along the ways that took longest, of those that are done'),
  took_ms: field(7, duration_ms, 'of the same, from call to end'),
});
export type DagStatus = Readonly<z.infer<typeof dagStatusSchema>>;

export const listDagsRequestSchema = message('ListDagsRequest', {
  dag: field(1, z.string().nullable(), 'this one alone; absent: all'),
});
export const listDagsResponseSchema = message('ListDagsResponse', {
  dags: field(1, z.array(dagStatusSchema).readonly(), 'by name'),
});
