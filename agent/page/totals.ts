/** Sums over VMs, as the page shows them. What one of them does not tell is unknown. Pure. */
import type { InstancePhase } from '../model/state.ts';
import type { PageModel, PageVm } from './model.ts';

export interface VmTotals {
  vms: number;
  committed_bytes: number;
  plugged_bytes: number;
  permits_bytes: number;
  /** Of the VMs of which the host told; the others are counted. */
  resident_bytes: number;
  resident_unknown: number;
  readonly instances: Record<InstancePhase, number>;
  /** Regions that an unplug left bytes in. */
  stuck: number;
}

function noTotals(): VmTotals {
  return {
    vms: 0,
    committed_bytes: 0,
    plugged_bytes: 0,
    permits_bytes: 0,
    resident_bytes: 0,
    resident_unknown: 0,
    instances: { starting: 0, busy: 0, idle: 0, stopping: 0 },
    stuck: 0,
  };
}

/** By function. Committed and plugged are with boot memory, and without the VMM's own. */
export function totalsByFunction(model: PageModel): ReadonlyMap<string, VmTotals> {
  const sums = new Map<string, VmTotals>();
  for (const name of model.functions.keys()) sums.set(name, noTotals());
  for (const vm of model.vms.values()) {
    const sum = sums.get(vm.function) ?? noTotals();
    sums.set(vm.function, sum);
    addVm(sum, vm, model.memory.get(vm.id)?.resident_bytes ?? null);
  }
  return sums;
}

export function totalOf(parts: Iterable<VmTotals>): VmTotals {
  const sum = noTotals();
  for (const part of parts) {
    sum.vms += part.vms;
    sum.committed_bytes += part.committed_bytes;
    sum.plugged_bytes += part.plugged_bytes;
    sum.permits_bytes += part.permits_bytes;
    sum.resident_bytes += part.resident_bytes;
    sum.resident_unknown += part.resident_unknown;
    sum.stuck += part.stuck;
    sum.instances.starting += part.instances.starting;
    sum.instances.busy += part.instances.busy;
    sum.instances.idle += part.instances.idle;
    sum.instances.stopping += part.instances.stopping;
  }
  return sum;
}

/** Of all its VMs; null: one of them is not known. */
export const residentOf = ({ resident_bytes, resident_unknown }: VmTotals): number | null =>
  resident_unknown > 0 ? null : resident_bytes;

/** Functions with the most memory first, and by name where they have the same. */
export function largestFirst(
  totals: ReadonlyMap<string, VmTotals>,
): (readonly [string, VmTotals])[] {
  return [...totals].toSorted(([a, one], [b, two]) => {
    return two.committed_bytes - one.committed_bytes || (a < b ? -1 : 1);
  });
}

function addVm(sum: VmTotals, vm: PageVm, resident_bytes: number | null): void {
  sum.vms += 1;
  sum.committed_bytes += vm.boot_bytes;
  sum.plugged_bytes += vm.boot_bytes;
  if (resident_bytes === null) sum.resident_unknown += 1;
  else sum.resident_bytes += resident_bytes;
  for (const region of vm.regions) {
    sum.committed_bytes += region.permit_bytes;
    sum.permits_bytes += region.permit_bytes;
    sum.plugged_bytes += region.plugged_bytes;
    // A span is of an instance that has a region of its own.
    const { instance_phase, span } = region;
    if (instance_phase && span === null) sum.instances[instance_phase] += 1;
    if (isStuck(region)) sum.stuck += 1;
  }
}

/** Bytes that nobody holds and that an unplug did not get back. */
export const isStuck = (region: PageVm['regions'][number]): boolean =>
  region.unplug_attempts > 0 && region.instance_id === null && region.plugged_bytes > 0;
