/** Callers: what those who wait for a Deploy, a Remove or a Drain are told in the end. */
import { assert } from '../../base/assert.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { DrainState, FunctionState, VmState, Waiters } from '../model/state.ts';
import type { UpdateRequest } from '../model/update.ts';
import { type Draft, replyError } from './draft.ts';

/** Nobody waits. */
export const NOBODY: Waiters = { deploy: [], remove: [], drain: [] };

/** The VM serves: what Deploy wanted to know of it. */
export function replyDeployed(
  draft: Draft,
  { revision }: FunctionState,
  vm: VmState,
  asked: Pick<UpdateRequest, 'request_id'> & Partial<UpdateRequest>,
): void {
  const { request_id, changed = [], replaced_vms = 0 } = asked;
  const { id, requested_at_ms, launched_at_ms, ready_at_ms, facts } = vm;
  assert(facts && ready_at_ms !== null, 'a running VM has said what it is');
  const stamps = { requested_at_ms, launched_at_ms, ready_at_ms };
  const reply = { vm_id: id, ...stamps, facts, revision, changed, replaced_vms };
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'deploy', ...reply } });
}

/** Nothing is left that Drain waits for. */
export function replyDrained(draft: Draft, { request_id, instances_stopped }: DrainState): void {
  const reply = { kind: 'drain', finished_at_ms: draft.now_ms, instances_stopped } as const;
  draft.actions.push({ type: 'reply', request_id, reply });
}

/** Who waits for the end of an update is told why there is none. */
export function refuseUpdates(draft: Draft, fn: FunctionState, failure: Refusal): void {
  if (!fn.update) return;
  for (const { request_id } of fn.update.requests) replyError(draft, request_id, failure);
  fn.update = { ...fn.update, requests: [] };
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
