/**
 * Drain: idle instances stop now, regions are emptied, and the caller is told when that is over.
 */
import { holderParts } from '../model/named-span.ts';
import { plugsOnDemand } from '../model/spec.ts';
import { type DrainState, type FunctionState, vmSpec, type VmState } from '../model/state.ts';
import { replyDrained } from './callers.ts';
import { REFUSALS } from '../model/refusals.ts';
import {
  type Draft,
  editInstance,
  editRegion,
  editVm,
  editVmsOf,
  readVm,
  replyError,
} from './draft.ts';
import { retire } from './retire.ts';
import { stopInstance } from './instances.ts';
import { mayEmpty } from './devices.ts';
import { empty } from './operations.ts';
import { isSettled } from './regions.ts';

/** Idle instances stop now; regions with bytes left behind get a fresh round of tries. */
export function drain(draft: Draft, fn: FunctionState, request_id: string): void {
  let instances_stopped = 0;
  const regions: { vm_id: string; index: number }[] = [];
  for (const vm of editVmsOf(draft, fn)) {
    if (vm.phase === 'running') {
      instances_stopped += stopAllIdle(draft, vm);
      emptyLeftovers(draft, fn, vm);
    }
    regions.push(...waitedFor(vm));
  }
  const drained: DrainState = { request_id, instances_stopped, regions };
  const working = fn.phase === 'serving' || fn.phase === 'removing' || fn.phase === 'ending';
  if (!working) return replyDrained(draft, drained);
  fn.waiters = { ...fn.waiters, drain: [...fn.waiters.drain, drained] };
}

/** The VM retires: it ends when what runs in it is over, and another takes its place. */
export function drainVm(draft: Draft, fn: FunctionState, request_id: string, vm_id: string): void {
  const vm = fn.vm_ids.includes(vm_id) ? editVm(draft, vm_id) : undefined;
  if (vm?.phase !== 'running' || fn.phase !== 'serving') {
    return replyError(draft, request_id, REFUSALS.noVm(fn.spec.name, vm_id));
  }
  const instances_stopped = vm.instances.filter(({ phase }) => phase === 'idle').length;
  retire(draft, fn, vm, null);
  const drained: DrainState = { request_id, instances_stopped, regions: [], vm_id };
  fn.waiters = { ...fn.waiters, drain: [...fn.waiters.drain, drained] };
}

function stopAllIdle(draft: Draft, vm: VmState): number {
  const idle = vm.instances.filter(({ phase }) => phase === 'idle');
  for (const instance of idle) stopInstance(draft, vm, editInstance(draft, vm, instance));
  return idle.length;
}

function emptyLeftovers(draft: Draft, fn: FunctionState, vm: VmState): void {
  if (!plugsOnDemand(vmSpec(fn, vm))) return;
  for (const found of vm.regions) {
    if (!isSettled(found) || found.permit_bytes === 0) continue;
    const region = editRegion(draft, vm, found.index);
    region.unplug_attempts = 0;
    region.retry_at_ms = draft.now_ms;
    if (mayEmpty(draft, vm, region))
      empty(draft, { fn, vm, region, cause: 'retry', instance: null });
  }
}

/** Regions in which something ends or is still tried, unlike those of instances that go on. */
function waitedFor(vm: VmState): { vm_id: string; index: number }[] {
  const going_on = new Set<string | null>();
  for (const { id, phase } of vm.instances) if (phase !== 'stopping') going_on.add(id);
  return vm.regions
    .filter((region) => !going_on.has(holderParts(region.holder).instance_id))
    .filter((region) => !isSettled(region))
    .map(({ index }) => ({ vm_id: vm.id, index }));
}

/** Answers every Drain that has nothing left to wait for. */
export function finishDrains(draft: Draft, fn: FunctionState): void {
  if (fn.waiters.drain.length === 0) return;
  const open: DrainState[] = [];
  for (const one of fn.waiters.drain) {
    const regions = one.regions.filter(({ vm_id, index }) => {
      const region = readVm(draft, vm_id)?.regions[index];
      return region !== undefined && !isSettled(region);
    });
    const is_there = one.vm_id !== undefined && readVm(draft, one.vm_id) !== undefined;
    if (regions.length > 0 || is_there) open.push({ ...one, regions });
    else replyDrained(draft, one);
  }
  fn.waiters = { ...fn.waiters, drain: open };
}
