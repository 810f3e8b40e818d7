/** What stands plugged for nobody yet is cleared and touched by its guest, while nobody waits. */
import type { CoreConfig } from '../model/config.ts';
import { knowsReady } from '../model/series.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { type Draft, editRegion } from './draft.ts';

/** Whether its guest makes ready what stands plugged ahead: it can, and the operator has it so. */
export const preparesAhead = (
  { prepare }: Pick<CoreConfig, 'prepare'>,
  fn: Pick<FunctionState, 'spec'>,
  vm: VmState,
): boolean => prepare && knowsReady(vmSpec(fn, vm).mechanism, vm.facts);

/** Nothing where its guest cannot, does not say that it can, or is not to. */
export function prepareAhead(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { id: region_id, plugged_bytes: bytes }: RegionState,
): void {
  if (!preparesAhead(draft.config, fn, vm)) return;
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
