/** Scaling: what a policy's answer about numbers comes to, as far as the promises allow. */
import { assert } from '../../base/assert.ts';
import { kindOf } from '../model/operations.ts';
import { isHome } from '../model/parts.ts';
import { plugsOnDemand, vmTiers } from '../model/spec.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { askScale } from './ask.ts';
import { bounded } from './bounds.ts';
import { isKept } from './bypass.ts';
import { withinCordon } from './cordon.ts';
import { sharesDevice } from './devices.ts';
import {
  type Draft,
  editInstance,
  editRegion,
  editVm,
  readOperation,
  readVm,
  vmsOf,
} from './draft.ts';
import { withExpected } from './expecting.ts';
import { findInstance, stopInstance } from './instances.ts';
import { empty, plug } from './operations.ts';
import type { Scale } from './policy.ts';
import { isPoolShut, noteIdleEnd } from './pool.ts';
import { preempt } from './preempt.ts';
import { startBeside } from './queue.ts';
import { isFree } from './regions.ts';
import { countUncovered, type Lack, startInstances } from './serving.ts';
import { waitsLonger } from './shortages.ts';
import type { ScaleParts } from './start-reasons.ts';
import { sizeForStart } from './sizing.ts';
import { endVm, launchVm } from './vms.ts';
import { waitForMemory } from './waiting.ts';

/** Asks how many there are to be and does it. When the policy wants to be asked again. */
export function scaleFunction(draft: Draft, fn: FunctionState): number | null {
  const asked = askScale(draft, fn);
  const wished = withExpected(draft, fn, asked);
  const { scale: within, kept } = bounded(draft, fn, wished);
  const scale = withinCordon(draft, within);
  const parts = { asked, wished, kept };
  waitForMemory(draft, fn, startAll(draft, fn, scale.starts, parts));
  stopIdle(draft, fn, scale.stops);
  launchVms(draft, fn, scale.launches);
  for (const id of scale.ends) endQuiet(draft, fn, id);
  keepPlugged(draft, fn, scale.plugged);
  return scale.wake_at_ms;
}

/** Starts, in free regions and in those that are taken from their way back. */
function startAll(draft: Draft, fn: FunctionState, starts: number, parts: ScaleParts): Lack | null {
  if (starts <= 0) return null;
  const before = countInstances(draft, fn);
  const lack = startInstances(draft, fn, starts, parts);
  if (lack || fn.queue.length === 0) return lack;
  // Without classes a start is no more than what is given back, and takes nothing over.
  if (!draft.config.queue.by_slack) return null;
  const left = starts - (countInstances(draft, fn) - before);
  const waiting = Math.min(left, countUncovered(draft, fn));
  const freed = waiting > 0 ? preempt(draft, fn, waiting) : 0;
  return freed > 0 ? startInstances(draft, fn, freed, parts) : null;
}

const countInstances = (draft: Draft, fn: FunctionState): number =>
  vmsOf(draft, fn).reduce((sum, { instances }) => sum + instances.length, 0);

/** One that is not idle any more, or not there, goes on. */
function stopIdle(draft: Draft, fn: FunctionState, stops: Scale['stops']): void {
  for (const { vm_id, instance_id } of stops) {
    if (readVm(draft, vm_id)?.phase !== 'running') continue;
    const vm = editVm(draft, vm_id);
    const instance = vm && findInstance(vm, instance_id);
    if (!vm || instance?.phase !== 'idle') continue;
    noteIdleEnd(fn, instance);
    stopInstance(draft, vm, editInstance(draft, vm, instance));
  }
}

/**
 * Up to the function's own bound and the host's; without memory, or while others wait longer for
 * it, it stays as it is.
 */
function launchVms(draft: Draft, fn: FunctionState, count: number): void {
  if (count <= 0 || waitsLonger(draft, fn, fn.queue.first ?? null, vmTiers(fn.spec))) return;
  for (let launched = 0; launched < count; launched += 1) {
    if (fn.vm_ids.length >= fn.spec.max_vms) return;
    if (launchVm(draft, fn)) return;
  }
}

/** Ends a VM in which nothing is left; its function needs another that runs. */
function endQuiet(draft: Draft, fn: FunctionState, id: string): void {
  // It would be launched again for whoever waits, and be as empty as long as memory is wanting.
  if (fn.queue.length > 0) return;
  const others = vmsOf(draft, fn).filter(
    (vm) => vm.id !== id && vm.phase === 'running' && !vm.retiring,
  );
  if (others.length === 0 || !fn.vm_ids.includes(id)) return;
  if (readVm(draft, id)?.phase !== 'running') return;
  const vm = editVm(draft, id);
  assert(vm, 'a VM that was read can be edited');
  // Those of an earlier definition go first, and leave it their place.
  if (fn.update && !vm.outdated) return;
  if (isQuiet(vm)) endVm(draft, fn, vm, null);
}

/** No instance in it, and nothing plugged or under way. */
export function isQuiet({ instances, regions }: VmState): boolean {
  if (instances.length > 0) return false;
  return regions.every((region) => isFree(region) && region.permit_bytes === 0);
}

/** Free regions are plugged ahead of starts, or emptied again, until so many are ready. */
function keepPlugged(draft: Draft, fn: FunctionState, wanted: number): void {
  let missing = Math.max(0, wanted);
  const spare: { readonly vm_id: string; readonly index: number }[] = [];
  for (const vm of vmsOf(draft, fn)) {
    const { id, phase, regions, made_ready, retiring } = vm;
    if (retiring || phase !== 'running' || (wanted <= 0 && !made_ready)) continue;
    if (!plugsOnDemand(vmSpec(fn, vm))) continue;
    for (const region of regions) {
      // Which share the next start will have is not known before it.
      if (!isHome(region) || region.far_index !== undefined) continue;
      if (region.ready && isFree(region)) {
        if (missing > 0) missing -= 1;
        else if (!isKept(draft, region)) takeBack(draft, fn, id, region.index);
      } else if (wanted > 0 && isBeingMadeReady(draft, region)) missing -= 1;
      // Which idle region of a shared device is given back is the guest's choice: none is kept
      // there.
      else if (wanted > 0 && isFree(region) && !sharesDevice(region)) {
        spare.push({ vm_id: id, index: region.index });
      }
    }
  }
  for (const { vm_id, index } of spare) {
    if (missing <= 0) return;
    if (makeReady(draft, fn, vm_id, index)) missing -= 1;
  }
}

function isBeingMadeReady(draft: Draft, { operation_id }: RegionState): boolean {
  const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
  return operation?.cause === 'pool' && kindOf(operation) === 'plug';
}

function takeBack(draft: Draft, fn: FunctionState, vm_id: string, index: number): void {
  const vm = editVm(draft, vm_id);
  assert(vm, 'a VM that was read can be edited');
  const region = editRegion(draft, vm, index);
  region.ready = false;
  empty(draft, { fn, vm, region, cause: 'pool', instance: null });
}

/** False when it was refused, which it is not again for a while, or is to rest. */
function makeReady(draft: Draft, fn: FunctionState, vm_id: string, index: number): boolean {
  const vm = editVm(draft, vm_id);
  assert(vm, 'a VM that was read can be edited');
  const region = editRegion(draft, vm, index);
  if (region.hold_until_ms !== null && region.hold_until_ms > draft.now_ms) return false;
  if (isPoolShut(draft, fn)) return false;
  // Never ahead of a start: its end is news of this function, which is looked at again then.
  if (draft.config.queue.by_slack && startBeside(draft, vm) !== null) return false;
  const { to_bytes } = sizeForStart(draft, fn, vm, region);
  const refused = plug(draft, { fn, vm, region, cause: 'pool', to_bytes, instance: null });
  if (refused) region.hold_until_ms = draft.now_ms + draft.config.resize_hold_ms;
  else vm.made_ready = true;
  return refused === null;
}
