/** What stands plugged for nobody yet is cleared and touched by its guest, while nobody waits. */
import { knowsReady } from '../model/series.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { type Draft, editRegion } from './draft.ts';

/** Whether its guest makes ready what stands plugged ahead. */
export const preparesAhead = (fn: FunctionState, vm: VmState): boolean =>
  knowsReady(vmSpec(fn, vm).mechanism, vm.facts);

/** Nothing where its guest cannot, or does not say that it can. */
export function prepareAhead(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { id: region_id, plugged_bytes: bytes }: RegionState,
): void {
  if (!preparesAhead(fn, vm)) return;
  draft.actions.push({ type: 'prepare-region', vm_id: vm.id, region_id, bytes });
}

/** Its guest says that a prepare is over. What somebody has by now is not ready for anybody. */
export function notePrepared(
  draft: Draft,
  vm: VmState,
  { region_id, ready_bytes }: { readonly region_id: string; readonly ready_bytes: number },
): void {
  const found = vm.regions.find(({ id }) => id === region_id);
  if (!found?.ready || found.holder !== null || found.operation_id !== null) return;
  const region = editRegion(draft, vm, found.index);
  region.prepared_bytes = Math.min(ready_bytes, region.plugged_bytes);
}
