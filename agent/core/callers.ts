/** Callers: what those who wait for a Deploy, a Remove or a Drain are told in the end. */
import { assert } from '../../base/assert.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { DrainState, FunctionState, VmState, Waiters } from '../model/state.ts';
import { type Draft, replyError } from './draft.ts';

/** Nobody waits. */
export const NOBODY: Waiters = { deploy: [], remove: [], drain: [] };

/** The VM serves: what Deploy wanted to know of it. */
export function replyDeployed(draft: Draft, vm: VmState, request_id: string): void {
  const { id, requested_at_ms, launched_at_ms, ready_at_ms, facts } = vm;
  assert(facts && ready_at_ms !== null, 'a running VM has said what it is');
  const reply = { vm_id: id, requested_at_ms, launched_at_ms, ready_at_ms, facts };
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'deploy', ...reply } });
}

/** Nothing is left that Drain waits for. */
export function replyDrained(draft: Draft, { request_id, instances_stopped }: DrainState): void {
  const reply = { kind: 'drain', finished_at_ms: draft.now_ms, instances_stopped } as const;
  draft.actions.push({ type: 'reply', request_id, reply });
}

/** Its last VM is gone: whoever waited for that is told, and it is forgotten or lost. */
export function functionGone(draft: Draft, fn: FunctionState): void {
  const { deploy: deploying, remove: removing, drain } = fn.waiters;
  const failure = fn.failure ?? REFUSALS.removing(fn.spec.name);
  for (const request_id of deploying) replyError(draft, request_id, failure);
  const finished_at_ms = draft.now_ms;
  for (const request_id of removing) {
    draft.actions.push({ type: 'reply', request_id, reply: { kind: 'remove', finished_at_ms } });
  }
  for (const drained of drain) replyDrained(draft, drained);
  fn.waiters = NOBODY;
  fn.phase = 'lost';
  if (!fn.forget && removing.length === 0) return;
  draft.functions.set(fn.spec.name, null);
  for (const id of fn.vm_ids) draft.vms.set(id, null);
}
