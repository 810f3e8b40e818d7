/** Messages with nothing in them, to be filled by a test. */
import { nothingOf } from '../../agent/model/fields.ts';
import { invocationSchema, operationSchema } from '../../agent/model/records.ts';
import type { Invocation, Operation } from '../../autoscaler/replay/agent-api.ts';

export const EMPTY_REPLY: Invocation = {
  ...nothingOf(invocationSchema),
  invocation_id: '',
  function: '',
  cold: false,
  outcome: 'failed',
  received_at_ms: 0,
};

export const EMPTY_OPERATION: Operation = {
  ...nothingOf(operationSchema),
  id: '',
  kind: 'plug',
  function: '',
  vm_id: '',
  region_id: '',
  mechanism: '',
  outcome: 'failed',
  before_bytes: 0,
  requested_bytes: 0,
  plugged_bytes: 0,
  decided_at_ms: 0,
  nudges: 0,
};
