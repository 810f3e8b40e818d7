/**
 * The permit book. Growth is asked for before it happens and shrink is told after it happened, so
 * the book is at every moment an upper bound of what the host has given out.
 */
import { assert } from '../../base/assert.ts';
import { hostCanGiveBytes } from '../model/pressure.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { HostState, RegionState, VmState } from '../model/state.ts';
import {
  bytesOf,
  hostBytes,
  NO_BYTES,
  nodeOfTier,
  sumBytes,
  type Tier,
  type TierBytes,
  tierBytes,
  tiersIn,
  totalBytes,
} from '../model/tiers.ts';
import type { Draft } from './draft.ts';

/** Permits of one VM's regions, its boot memory not counted. */
export function regionPermitBytes(vm: Pick<VmState, 'regions'>): number {
  let sum = 0;
  for (const region of vm.regions) sum += region.permit_bytes;
  return sum;
}

/** Boot memory and regions of a VM; 0: there is none of that id. */
export function committedBytes(state: HostState, vm_id: string): number {
  const vm = state.vms.get(vm_id);
  return vm ? totalBytes(vm.boot_permit) + regionPermitBytes(vm) : 0;
}

/** Everything granted to one VM: boot memory, VMM and regions. */
export function permitsOf(vm: VmState): TierBytes {
  const sum: Record<Tier, number> = { ...sumBytes(vm.boot_permit, vm.overhead_permit) };
  for (const { tier, permit_bytes } of vm.regions) sum[tier] = (sum[tier] ?? 0) + permit_bytes;
  return sum;
}

/** Everything granted on this host, kept by the core: boot memory, VMMs, regions, earlier VMs. */
export function grantedBytes(state: Pick<HostState, 'granted'>): number {
  return totalBytes(state.granted);
}

/** The same, counted row by row; for checks. */
export function countGranted(state: Pick<HostState, 'vms' | 'earlier_vms'>): TierBytes {
  let sum = NO_BYTES;
  for (const vm of state.earlier_vms) sum = sumBytes(sum, hostBytes(vm.bytes));
  for (const vm of state.vms.values()) sum = sumBytes(sum, permitsOf(vm));
  return sum;
}

/** Whether `bytes` more fit, each tier in its budget; the refusal, with numbers, else. */
export function askFor(draft: Draft, more: TierBytes): Refusal | null {
  const bytes = totalBytes(more);
  for (const tier of tiersIn(more)) {
    const refused = askInBudget(draft, tier, bytesOf(more, tier));
    if (refused) return refused;
  }
  return askOfHost(draft, bytes);
}

/** The same for so many bytes of one tier. */
export function askForTier(draft: Draft, tier: Tier, bytes: number): Refusal | null {
  return tier === 'host'
    ? (askInBudget(draft, tier, bytes) ?? askOfHost(draft, bytes))
    : askFor(draft, tierBytes(tier, bytes));
}

function askInBudget(draft: Draft, tier: Tier, bytes: number): Refusal | null {
  assert(Number.isSafeInteger(bytes) && bytes >= 0, 'a permit is whole bytes');
  if (draft.grants_closed && bytes > 0) return REFUSALS.notRecorded(bytes);
  const granted_bytes = bytesOf(draft.granted, tier);
  const limit_bytes = bytesOf(draft.state.capacity, tier);
  if (granted_bytes + bytes <= limit_bytes) return null;
  return REFUSALS.noMemory(bytes, granted_bytes, limit_bytes, nodeOfTier(tier));
}

/** What the host can give is told of all its nodes together. */
function askOfHost(draft: Draft, bytes: number): Refusal | null {
  const can_give_bytes = bytes === 0 ? null : canGiveBytes(draft);
  const granted_bytes = totalBytes(draft.granted);
  if (can_give_bytes === null || granted_bytes + bytes <= can_give_bytes) return null;
  const { available_bytes = 0 } = draft.told ?? {};
  const host = { can_give_bytes, available_bytes, keep_bytes: draft.config.host_keep_bytes ?? 0 };
  return REFUSALS.hostMemory(bytes, granted_bytes, host);
}

function canGiveBytes({ told, config }: Draft): number | null {
  return told && hostCanGiveBytes(told, config.host_keep_bytes);
}

/** Of a tier's budget what is not granted, or less where the host has less. */
export function freeBytes(draft: Draft, tier: Tier): number {
  const { capacity } = draft.state;
  const left_bytes = bytesOf(capacity, tier) - bytesOf(draft.granted, tier);
  const host_bytes = (canGiveBytes(draft) ?? Infinity) - totalBytes(draft.granted);
  return Math.max(0, Math.min(left_bytes, host_bytes));
}

/** Sets a region's permit, and the host's sum with it. */
export function setPermit(draft: Draft, region: RegionState, bytes: number): void {
  const { tier, permit_bytes } = region;
  if (bytes === permit_bytes) return;
  draft.granted = sumBytes(draft.granted, tierBytes(tier, bytes - permit_bytes));
  region.permit_bytes = bytes;
}

/** Raises a region's permit to `bytes` if the host has room; only the difference is asked for. */
export function growPermit(draft: Draft, region: RegionState, bytes: number): Refusal | null {
  const more_bytes = Math.max(0, bytes - region.permit_bytes);
  const refused = askForTier(draft, region.tier, more_bytes);
  if (!refused) setPermit(draft, region, region.permit_bytes + more_bytes);
  return refused;
}

/** Gives back what is proven gone: the permit shrinks to what is plugged or may yet be. */
export function shrinkPermit(draft: Draft, region: RegionState): void {
  const needed_bytes = Math.max(region.plugged_bytes, region.target_bytes);
  assert(region.permit_bytes >= needed_bytes, 'a permit covers what may be plugged');
  setPermit(draft, region, needed_bytes);
}
