/** What stands plugged for nobody yet is cleared and touched by its guest, while nobody waits. */
import { MECHANISMS } from '../model/mechanism.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import type { Draft } from './draft.ts';

/** The first revision of the series whose kernel can. */
const PREPARE_REVISION = 10;

/** Nothing where its guest cannot, or does not say that it can. */
export function prepareAhead(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { id: region_id, plugged_bytes: bytes }: RegionState,
): void {
  if (!MECHANISMS.get(vmSpec(fn, vm).mechanism).partitions) return;
  const revision = Number(vm.facts?.series_revision || Number.NaN);
  if (!(revision >= PREPARE_REVISION)) return;
  draft.actions.push({ type: 'prepare-region', vm_id: vm.id, region_id, bytes });
}
