/**
 * A cordon of the host: nothing new starts. Where it drains, idle instances stop, busy ones may
 * end, and each VM ends when nothing is left in it; without the cordon their functions come back.
 */
import type { HostEvent } from '../model/events.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { FunctionState, HostState, VmState } from '../model/state.ts';
import { type Draft, editFunction, editInstance, editVmsOf, vmsOf } from './draft.ts';
import { stopInstance } from './instances.ts';
import { refuseQueue } from './invocations.ts';
import type { Scale } from './policy.ts';
import { endVm } from './vms.ts';

/** A drain is not made less by a cordon that comes after it, and no reason takes none away. */
export function cordon(draft: Draft, event: Extract<HostEvent, { type: 'cordon' }>): void {
  const { request_id, author, since } = event;
  const reason = event.reason || (draft.cordon?.reason ?? '');
  const drains = event.drain || draft.cordon?.drains === true;
  const drained_at_ms = draft.cordon?.drained_at_ms ?? null;
  draft.cordon = { drains, author, reason, since, drained_at_ms };
  lookAtAll(draft);
  replyCordoned(draft, request_id);
}

export function uncordon(draft: Draft, { request_id }: { readonly request_id: string }): void {
  if (draft.cordon) lookAtAll(draft);
  draft.cordon = null;
  replyCordoned(draft, request_id);
}

function replyCordoned({ actions }: Draft, request_id: string): void {
  actions.push({ type: 'reply', request_id, reply: { kind: 'cordon' } });
}

/** In an order that does not depend on which was written first. */
function lookAtAll(draft: Draft): void {
  for (const name of [...draft.state.functions.keys()].toSorted()) editFunction(draft, name);
}

/** Why an invocation is not taken; null: it may wait for an instance that is there. */
export function cordonedOff(draft: Draft, fn: FunctionState): Refusal | null {
  const { cordon: now } = draft;
  if (!now || (!now.drains && isLive(draft, fn))) return null;
  return REFUSALS.hostCordoned(now);
}

/** Somebody is there who takes invocations, or will without more being started. */
function isLive(draft: Draft, fn: FunctionState): boolean {
  return vmsOf(draft, fn).some(({ instances }) =>
    instances.some(({ phase }) => phase !== 'stopping'),
  );
}

/** What a policy wants, less all that would be new. */
export function withinCordon(draft: Draft, scale: Scale): Scale {
  return draft.cordon ? { ...scale, starts: 0, launches: 0, plugged: 0 } : scale;
}

/** Refuses who waits for nobody, and empties VMs where the host is drained. */
export function heedCordon(draft: Draft, fn: FunctionState): void {
  const { cordon: now } = draft;
  if (!now || (fn.phase !== 'serving' && fn.phase !== 'deploying')) return;
  if (fn.queue.length > 0 && !isLive(draft, fn)) {
    refuseQueue(draft, fn, 'refused', REFUSALS.hostCordoned(now));
  }
  if (!now.drains) return;
  for (const vm of editVmsOf(draft, fn)) emptyVm(draft, fn, vm);
}

/** One that an earlier agent left is emptied once it answers. */
function emptyVm(draft: Draft, fn: FunctionState, vm: VmState): void {
  if (vm.phase === 'booting' || vm.phase === 'filling') return endVm(draft, fn, vm, null);
  if (vm.phase !== 'running') return;
  for (const instance of vm.instances) {
    if (instance.phase === 'idle') stopInstance(draft, vm, editInstance(draft, vm, instance));
  }
  if (vm.instances.length === 0) endVm(draft, fn, vm, null);
}

/** Notes the moment at which no VM was left. */
export function noteDrained(draft: Draft): void {
  const { cordon: now, state } = draft;
  if (!now?.drains || now.drained_at_ms !== null || state.earlier_vms.length > 0) return;
  for (const { phase } of draft.vms.all()) if (phase !== 'lost') return;
  draft.cordon = { ...now, drained_at_ms: draft.now_ms };
}

/** A function that a drain ended comes back when that is over, also in another agent. */
export function namesToRemove(state: HostState): string[] {
  const rows = [...state.functions.values()];
  return rows.filter(({ phase }) => !state.cordon || phase !== 'lost').map(({ spec }) => spec.name);
}
