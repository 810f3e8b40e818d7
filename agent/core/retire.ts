/**
 * VMs that retire: no new work goes there, what runs in them may end, then they end, and another
 * takes their place while the function serves. One is retired by hand (Drain of a VM), or because
 * its guest does not do what it must: then it is quarantined, which nothing it does later undoes.
 */
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { MECHANISMS } from '../model/mechanism.ts';
import { type FunctionState, vmSpec, type VmState } from '../model/state.ts';
import { type Draft, editInstance, editedVmsOf, vmsOf } from './draft.ts';
import { stopInstance } from './instances.ts';
import { isSettled } from './regions.ts';
import { vmTiers } from '../model/spec.ts';
import { waitsLonger } from './shortages.ts';
import { endVm, launchVm, noteFailure } from './vms.ts';

/** `failure`: why it is quarantined; null: it was asked for. */
export function retire(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  failure: Refusal | null,
): void {
  if (vm.retiring || vm.phase !== 'running') return;
  const end_by_ms = draft.now_ms + draft.config.retire_ms;
  vm.retiring = { failure, end_by_ms, retry_at_ms: null, is_replaced: false };
  if (!failure) return;
  noteFailure(draft, fn, vm, failure);
  const { code, message } = failure;
  const about = { function: fn.spec.name, vm_id: vm.id };
  draft.actions.push({ type: 'report', level: 'error', code, message, ...about });
}

/** Quarantines a VM whose guest is silent for too long, or keeps memory that nobody uses. */
function judge(draft: Draft, fn: FunctionState, vm: VmState): void {
  if (vm.retiring) return;
  const since_ms = vm.unresponsive_since_ms;
  if (since_ms !== null && draft.now_ms - since_ms >= draft.config.quarantine_ms) {
    return retire(draft, fn, vm, REFUSALS.quarantinedSilent(vm.id, draft.now_ms - since_ms));
  }
  // Others are expected to keep some, and reuse it.
  if (!MECHANISMS.get(vmSpec(fn, vm).mechanism).partitions) return;
  const kept = vm.regions.find((region) => {
    return region.unplug_attempts >= draft.config.unplug_attempts && isSettled(region);
  });
  if (!kept) return;
  const { id, plugged_bytes, unplug_attempts } = kept;
  const bytes = { region_id: id, plugged_bytes, unplug_attempts };
  retire(draft, fn, vm, REFUSALS.quarantinedKeeps(vm.id, bytes));
}

/** What is idle in a retiring VM stops; once nothing is left there, or time is over, it ends. */
export function retireVms(draft: Draft, fn: FunctionState): void {
  for (const vm of editedVmsOf(draft, fn)) {
    if (vm?.phase !== 'running') continue;
    judge(draft, fn, vm);
    const { retiring } = vm;
    if (!retiring) continue;
    for (const instance of vm.instances) {
      if (instance.phase !== 'idle') continue;
      stopInstance(draft, vm, editInstance(draft, vm, instance));
    }
    const late = retiring.end_by_ms <= draft.now_ms;
    const over = vm.instances.length === 0 && vm.regions.every(isSettled);
    replace(draft, fn, vm);
    if (late || (over && vm.retiring?.is_replaced)) endVm(draft, fn, vm, retiring.failure);
  }
}

/**
 * Another VM in its place at once: one that retires does not count among the most there may be.
 * Without memory for it, or while others wait longer for that, the VM stays, emptied, and it is
 * tried again.
 */
function replace(draft: Draft, fn: FunctionState, vm: VmState): void {
  const { retiring } = vm;
  if (!retiring || retiring.is_replaced) return;
  const others = vmsOf(draft, fn).filter((one) => one.id !== vm.id && isComing(one));
  if (others.length >= fn.spec.max_vms) {
    vm.retiring = { ...retiring, retry_at_ms: null, is_replaced: true };
    return;
  }
  const others_wait = waitsLonger(draft, fn, fn.queue.first ?? null, vmTiers(fn.spec)) !== null;
  const is_replaced = !others_wait && launchVm(draft, fn) === null;
  const retry_at_ms = is_replaced ? null : draft.now_ms + draft.config.resize_hold_ms;
  vm.retiring = { ...retiring, is_replaced, retry_at_ms };
}

/** It serves, or will. */
function isComing({ phase, retiring }: VmState): boolean {
  return phase !== 'ending' && phase !== 'lost' && !retiring;
}
