/**
 * Devices with several regions: what may be asked of one so that the guest moves the region that is
 * meant. A device is told one size. The guest plugs its regions from the first to the last, and
 * gives back those that nobody is attached to, the last one first; while it is told less than it
 * has, nobody can attach to any of them. So on one device nothing is plugged while something is
 * given back, and nothing is given back while an instance is on its way into its region.
 */
import type { InstanceState, RegionState, VmState } from '../model/state.ts';
import { type Draft, readOperation } from './draft.ts';

/** Whether its device has other regions too; one of its own has the region's name. */
export const sharesDevice = ({ id, device }: Pick<RegionState, 'id' | 'device'>): boolean =>
  device !== id;

/** Whether a plug of this free region is what its guest would do next. */
export function isNext(draft: Draft, vm: VmState, region: RegionState): boolean {
  if (!sharesDevice(region)) return true;
  for (const other of vm.regions) {
    if (other.device !== region.device) continue;
    if (movesTo(draft, other) === 0) return false;
    const holder = holderOf(vm, other);
    if (holder && isWaitingToGiveBack(holder, other)) return false;
    const is_plugged = other.plugged_bytes > 0 || movesTo(draft, other) !== null;
    if (other.index < region.index && !is_plugged) return false;
  }
  return true;
}

/** Whether an unplug of this region, which nobody uses, takes no other one of its device. */
export function mayEmpty(draft: Draft, vm: VmState, region: RegionState): boolean {
  if (!sharesDevice(region)) return true;
  return vm.regions.every((other) => {
    if (other.device !== region.device || other.index === region.index) return true;
    const to_bytes = movesTo(draft, other);
    if (to_bytes !== null && to_bytes > 0) return false;
    const holder = holderOf(vm, other);
    return !holder?.start_pending;
  });
}

function movesTo(draft: Draft, { operation_id }: RegionState): number | null {
  const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
  return operation?.to_bytes ?? null;
}

function holderOf(vm: VmState, { holder }: RegionState): InstanceState | undefined {
  return holder === null ? undefined : vm.instances.find(({ id }) => id === holder);
}

/** Its process tree is gone, its region is not given back yet. */
function isWaitingToGiveBack(holder: InstanceState, region: RegionState): boolean {
  return holder.gone_at_ms !== null && region.operation_id === null;
}
