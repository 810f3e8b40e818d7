/**
 * The permit book. Growth is asked for before it happens and shrink is told after it happened, so
 * the book is at every moment an upper bound of what the host has given out.
 */
import { assert } from '../../base/assert.ts';
import type { Draft } from './draft.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { FunctionState, HostState, RegionState } from '../model/state.ts';

/** Permits of one function's regions, its boot memory not counted. */
export function regionPermitBytes(fn: FunctionState): number {
  let sum = 0;
  for (const region of fn.regions) sum += region.permit_bytes;
  return sum;
}

/** Everything granted on this host: boot memory and VMMs, all regions, VMs of the past. */
export function grantedBytes(state: Pick<HostState, 'functions' | 'earlier_vms'>): number {
  let sum = 0;
  for (const vm of state.earlier_vms) sum += vm.bytes;
  for (const fn of state.functions.values()) {
    sum += fn.boot_permit_bytes + fn.overhead_permit_bytes + regionPermitBytes(fn);
  }
  return sum;
}

/** Whether `bytes` more fit; the refusal, with numbers, when they do not. */
export function askFor(draft: Draft, bytes: number): Refusal | null {
  assert(Number.isSafeInteger(bytes) && bytes >= 0, 'a permit is a whole number of bytes');
  const granted_bytes = grantedBytes(draft);
  if (granted_bytes + bytes <= draft.limit_bytes) return null;
  return REFUSALS.noMemory(bytes, granted_bytes, draft.limit_bytes);
}

/** Raises a region's permit to `bytes` if the host has room; only the difference is asked for. */
export function growPermit(draft: Draft, region: RegionState, bytes: number): Refusal | null {
  const refused = askFor(draft, Math.max(0, bytes - region.permit_bytes));
  if (refused) return refused;
  region.permit_bytes = Math.max(bytes, region.permit_bytes);
  return null;
}

/** Gives back what is proven gone: the permit shrinks to the bytes still plugged. */
export function shrinkPermit(region: RegionState): void {
  assert(region.permit_bytes >= region.plugged_bytes, 'a permit covers what is plugged');
  region.permit_bytes = region.plugged_bytes;
}
