/**
 * Pre-emption: a start for which no region is free takes one that is being given back. It ends
 * there at the border of a step, and what is still plugged need not be plugged again.
 */
import { classOf, finalBytes, isWaiting } from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import { isHome } from '../model/parts.ts';
import type { FunctionState } from '../model/state.ts';
import { sharesDevice } from './devices.ts';
import { type Draft, editVm, readOperation, vmsOf } from './draft.ts';
import { isFree } from './regions.ts';
import { cutSteps } from './steps.ts';

/** For so many starts; how many regions are free for them now. */
export function preempt(draft: Draft, fn: FunctionState, starts: number): number {
  const taken = regionsGoing(draft, fn);
  if (taken === null) return 0;
  let [free, missing] = [0, starts];
  for (const { vm_id, index, operation } of taken.toSorted(mostLeftFirst)) {
    if (missing <= 0) break;
    missing -= 1;
    const vm = editVm(draft, vm_id);
    const region = vm?.regions[index];
    if (!vm || !region) continue;
    if (isWaiting(operation)) free += 1;
    cutSteps(draft, { fn, vm, region, operation }, `${starts} starts have no region`);
  }
  return free;
}

interface Going {
  readonly vm_id: string;
  readonly index: number;
  readonly operation: OperationState;
}

/** Those that wait are free at once; then those with most left to plug less. */
function mostLeftFirst({ operation: a }: Going, { operation: b }: Going): number {
  const waits = Number(isWaiting(b)) - Number(isWaiting(a));
  return waits || b.to_bytes - a.to_bytes || a.decided_at_ms - b.decided_at_ms;
}

/** Regions that are being given back and could serve; null: some are free, and none is needed. */
function regionsGoing(draft: Draft, fn: FunctionState): Going[] | null {
  const found: Going[] = [];
  for (const vm of vmsOf(draft, fn)) {
    if (vm.phase !== 'running' || vm.retiring || vm.unresponsive_since_ms !== null) continue;
    for (const region of vm.regions) {
      if (!isHome(region) || region.far_index !== undefined) continue;
      if (isFree(region)) return null;
      const { holder, operation_id, index } = region;
      const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
      if (holder !== null || !operation || sharesDevice(region)) continue;
      const goes_on = isWaiting(operation) || finalBytes(operation) < operation.to_bytes;
      if (goes_on && classOf(operation) === 'reclaim')
        found.push({ vm_id: vm.id, index, operation });
    }
  }
  return found;
}
