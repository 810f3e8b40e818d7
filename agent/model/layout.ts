/** How the regions of a function VM lie in devices. Pure. */
import { LIMITS } from '../../base/limits.ts';
import { VMM_LIMITS } from '../../hypervisor-client/limits.ts';
import { MECHANISMS } from './mechanism.ts';
import { type FunctionSpec, regionsPerVm } from './spec.ts';
import { dividedTiers } from './tiers-spec.ts';

export interface RegionLayout {
  readonly regions_per_device: number;
  readonly devices: number;
}

/**
 * A device for each region as long as the VMM has enough of them: regions of one device move one
 * after another. With more regions, where the guest makes partitions, as few a device as will do;
 * the kernel cuts all devices alike, so the last one may have regions that nobody uses.
 */
export function layoutOf(spec: FunctionSpec, devices_per_vm: number): RegionLayout {
  const { concurrency, mechanism, spans } = spec;
  // A span is plugged and given back beside whatever else moves: it shares no device.
  if (spans.length > 0 || dividedTiers(spec))
    return { regions_per_device: 1, devices: regionsPerVm(spec) };
  if (concurrency <= devices_per_vm || !MECHANISMS.get(mechanism).partitions) {
    return { regions_per_device: 1, devices: concurrency };
  }
  const { regions_per_vm } = LIMITS;
  const most = VMM_LIMITS.regions_per_device;
  const least = Math.ceil(concurrency / devices_per_vm);
  for (let regions_per_device = least; regions_per_device <= most; regions_per_device += 1) {
    const devices = Math.ceil(concurrency / regions_per_device);
    if (devices * regions_per_device <= regions_per_vm) return { regions_per_device, devices };
  }
  // More than fits: the VMM's driver says so, with its numbers.
  return { regions_per_device: 1, devices: concurrency };
}

/** Name of the region with that index, over all devices. */
export const regionName = (index: number): string => `r${index}`;

/** Name of the device that the region with that index lies in; a device of its own has its name. */
export function deviceName({ regions_per_device }: RegionLayout, region_index: number): string {
  if (regions_per_device === 1) return regionName(region_index);
  return `d${Math.floor(region_index / regions_per_device)}`;
}
