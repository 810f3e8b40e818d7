/**
 * Slack: how long an operation could wait and still be in time. Of a start: until the deadline of
 * its invocation, less what is left of its path. Pure.
 */
import { classOf, finalBytes } from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import { pathMs, unplugMs } from '../model/pace.ts';
import { durationPercentile } from '../model/durations.ts';
import type { FunctionState, QueuedInvocation, VmState } from '../model/state.ts';
import type { Draft } from './draft.ts';

/** What is offered, where. */
export interface Offered {
  readonly operation: OperationState;
  readonly fn: FunctionState;
  readonly vm: VmState;
}

/** In ms, below 0 where it comes too late; Infinity: nobody waits for it. */
export function slackMs(draft: Draft, { operation, fn, vm }: Offered): number {
  switch (classOf(operation)) {
    case 'start': {
      const instance = vm.instances.find(({ id }) => id === operation.instance_id);
      const cause = instance?.cause_sequence ?? null;
      const invocation = cause === null ? undefined : fn.queue.find(cause);
      if (!invocation) return Infinity;
      return deadlineMs(draft, fn, invocation) - draft.now_ms - pathMs(fn.pace);
    }
    case 'grow': {
      const region = vm.regions[operation.region_index];
      const want = operation.cause === 'open' ? region?.named : region?.span?.want;
      if (!want) return Infinity;
      return want.deny_at_ms - draft.now_ms - (durationPercentile(fn.pace.plug, 99) ?? 0);
    }
    case 'reclaim': {
      const { promised_ms } = operation;
      if (promised_ms === undefined) return Infinity;
      const left_bytes = operation.from_bytes - finalBytes(operation);
      const needs_ms = unplugMs(fn.pace, left_bytes) ?? 0;
      return operation.decided_at_ms + promised_ms - draft.now_ms - needs_ms;
    }
    default:
      return Infinity;
  }
}

/** When an invocation is to be over: by its own word, its function's, or the bound of any wait. */
export function deadlineMs(
  { config }: Pick<Draft, 'config'>,
  { spec }: FunctionState,
  { received_at_ms, deadline_at_ms }: QueuedInvocation,
): number {
  return deadline_at_ms ?? received_at_ms + (spec.deadline_ms ?? config.queued_ms);
}
