/** Invocations: the queue of a function, and the one answer each gets. */
import type { ColdStart, InvokeReply } from '../model/actions.ts';
import type { InvocationResult } from '../model/events.ts';
import { Queue } from '../model/queue.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import type { FunctionState, InstanceState, QueuedInvocation } from '../model/state.ts';
import type { Draft } from './draft.ts';

type Ending = { readonly result: InvocationResult } | { readonly failure: Refusal };

/** Cold: this is the instance's first, and it became ready only after the invocation came. */
function isCold(instance: InstanceState, invocation: QueuedInvocation): boolean {
  const { ready_at_ms } = instance;
  if (ready_at_ms === null) return true;
  return instance.invocations === 1 && ready_at_ms > invocation.received_at_ms;
}

function coldStart(instance: InstanceState): ColdStart | null {
  const { start_stamps, plugged_at_ms, decided_at_ms, lacked_ms } = instance;
  if (!start_stamps) return null;
  const { created_at_ms, sandbox_at_ms, attached_at_ms } = start_stamps;
  const decided = { decided_at_ms: decided_at_ms ?? null, lacked_ms: lacked_ms ?? null };
  return { created_at_ms, sandbox_at_ms, attached_at_ms, plugged_at_ms, ...decided };
}

/** A function that says it failed did its work, and its instance serves on. */
function failureOf(ending: Ending): Refusal | null {
  if ('failure' in ending) return ending.failure;
  const { function_error } = ending.result;
  return function_error === null ? null : REFUSALS.functionFailed(function_error);
}

/** The answer to an invocation that got an instance, or whose start failed. */
export function answerInvocation(
  draft: Draft,
  instance: InstanceState,
  invocation: QueuedInvocation,
  ending: Ending,
): void {
  const assigned = instance.invocation === invocation;
  const cold = isCold(instance, invocation);
  if (assigned) {
    instance.invocation = null;
    draft.running -= 1;
  }
  const failure = failureOf(ending);
  const reply: InvokeReply = {
    kind: 'invoke',
    invocation_id: invocation.invocation_id,
    instance_id: instance.id,
    cold,
    outcome: failure ? 'failed' : 'done',
    failure,
    received_at_ms: invocation.received_at_ms,
    assigned_at_ms: assigned ? instance.assigned_at_ms : null,
    instance_ready_at_ms: cold ? instance.ready_at_ms : null,
    start: cold ? coldStart(instance) : null,
    result: 'result' in ending ? ending.result : null,
    operation_id: cold ? instance.operation_id : null,
    sized: assigned ? (instance.sized ?? null) : null,
  };
  draft.actions.push({ type: 'reply', request_id: invocation.request_id, reply });
}

/** The answer to an invocation no instance ever took. */
export function refuseInvocation(
  draft: Draft,
  invocation: Pick<QueuedInvocation, 'request_id' | 'invocation_id' | 'received_at_ms'>,
  outcome: 'refused' | 'failed',
  failure: Refusal,
): void {
  const reply: InvokeReply = {
    kind: 'invoke',
    invocation_id: invocation.invocation_id,
    instance_id: null,
    cold: false,
    outcome,
    failure,
    received_at_ms: invocation.received_at_ms,
    assigned_at_ms: null,
    instance_ready_at_ms: null,
    start: null,
    result: null,
    operation_id: null,
    sized: null,
  };
  draft.actions.push({ type: 'reply', request_id: invocation.request_id, reply });
}

export function refuseQueue(
  draft: Draft,
  fn: FunctionState,
  outcome: 'refused' | 'failed',
  failure: Refusal,
): void {
  for (const invocation of fn.queue) refuseInvocation(draft, invocation, outcome, failure);
  fn.queue = Queue.empty();
}
