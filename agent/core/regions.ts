/** Regions: which are free, what is left in them, and when that is tried again. */
import type { FunctionState, RegionState, VmState } from '../model/state.ts';
import { type Draft, editRegion } from './draft.ts';
import { mayEmpty } from './devices.ts';
import { empty } from './operations.ts';

/** Nobody holds it and nothing is under way; a region with bytes left behind is free too. */
export function isFree(region: Pick<RegionState, 'holder' | 'operation_id'>): boolean {
  return region.holder === null && region.operation_id === null;
}

/** Nobody uses it and nobody will try to empty it any more. */
export function isSettled(region: RegionState): boolean {
  return isFree(region) && region.retry_at_ms === null;
}

/**
 * After an unplug: what was left behind is tried again, with growing pauses and a last time.
 */
export function retryLater(draft: Draft, vm: VmState, region: RegionState): void {
  if (region.permit_bytes === 0) {
    region.unplug_attempts = 0;
    return;
  }
  region.unplug_attempts += 1;
  const { unplug_attempts, unplug_retry_ms } = draft.config;
  if (region.unplug_attempts >= unplug_attempts) return reportLeftover(draft, vm, region);
  region.retry_at_ms = draft.now_ms + unplug_retry_ms * 2 ** (region.unplug_attempts - 1);
}

function reportLeftover(draft: Draft, vm: VmState, region: RegionState): void {
  draft.actions.push({
    type: 'report',
    level: 'warn',
    code: 'HP_AGENT_UNPLUG_GIVEN_UP',
    function: vm.function,
    vm_id: vm.id,
    message:
      `region ${region.id} still holds ${region.plugged_bytes} bytes after ` +
      `${region.unplug_attempts} unplugs; its permit stays until reuse, drain or remove.`,
  });
}

/** Tries again what is due. */
export function retryUnplugs(draft: Draft, fn: FunctionState, vm: VmState): void {
  for (const region of vm.regions) {
    if (region.retry_at_ms === null || region.retry_at_ms > draft.now_ms) continue;
    if (!isFree(region) || !mayEmpty(draft, vm, region)) continue;
    const due = editRegion(draft, vm, region.index);
    empty(draft, { fn, vm, region: due, cause: 'retry', instance: null });
  }
}
