/** Calls and operations as a profile run keeps them, with nothing in them but what a test says. */
import type { ProfiledCall } from '../../../autoscaler/profile/archive.ts';
import type { OperationLine } from '../../../autoscaler/results/schema.ts';
import { EMPTY_OPERATION, EMPTY_REPLY } from '../empty-messages.ts';

export function callOf(told: Partial<ProfiledCall>): ProfiledCall {
  return {
    ...EMPTY_REPLY,
    mechanism: 'hotmem',
    function: 'f',
    instance: 'one',
    outcome: 'done',
    waited: null,
    planned_at_ms: 0,
    sent_at_ms: 0,
    replied_at_ms: null,
    ...told,
  };
}

export function operationOf(told: Partial<OperationLine>): OperationLine {
  return { ...EMPTY_OPERATION, mechanism: 'hotmem', function: 'f', outcome: 'done', ...told };
}
