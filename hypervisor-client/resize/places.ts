/** From devices to their regions: addresses and observed sizes. Pure. */
import { assert } from '../../base/assert.ts';
import type { AddressRange } from '../host/smaps.ts';
import { type PlacedRegion, placedRegions } from '../spec.ts';
import type { Region, VmObservation, VmSpec } from '../vm.ts';

/** Where the host keeps a region, from where it keeps the devices (in the order of the spec). */
export function regionRange(
  { device_index, region, partition }: PlacedRegion,
  backings: readonly AddressRange[],
): AddressRange {
  const device = backings[device_index];
  assert(device, 'every device has a backing');
  const start = device.start + partition * region.max_bytes;
  return { start, end: start + region.max_bytes };
}

/** Host addresses of all regions, in the order of the specification. */
export function regionRanges(spec: VmSpec, backings: readonly AddressRange[]): AddressRange[] {
  return placedRegions(spec).map((placed) => regionRange(placed, backings));
}

/** What was seen of one region. */
export type RegionSizes = Pick<Region, 'requested_bytes' | 'plugged_bytes' | 'resident_bytes'>;

const NOTHING: RegionSizes = { requested_bytes: 0, plugged_bytes: 0, resident_bytes: 0 };

/**
 * All regions as they are seen: `sizes` by device and place in it; what is not there holds nothing.
 * `pciAddressOf` tells the guest's name of the device with that index.
 */
export function regionsAt(
  spec: VmSpec,
  sizes: readonly (readonly RegionSizes[])[],
  pciAddressOf: (device_index: number) => string,
): Region[] {
  return placedRegions(spec).map(({ device, device_index, region, partition }) => ({
    id: region.id,
    device_id: device.id,
    partition,
    max_bytes: region.max_bytes,
    ...(sizes[device_index]?.[partition] ?? NOTHING),
    pci_address: pciAddressOf(device_index),
  }));
}

/** The observation of a VM that ended: nothing of it is left, so it holds nothing of the host. */
export function lastObservation(
  spec: VmSpec,
  state: 'panicked' | 'stopped',
  pciAddressOf: (device_index: number) => string,
  at_ms: number,
): VmObservation {
  return {
    state,
    devices: spec.devices.map(({ id }) => ({ id, requested_bytes: 0, plugged_bytes: 0 })),
    regions: regionsAt(spec, [], pciAddressOf),
    resident_bytes: 0,
    observed_at_ms: at_ms,
  };
}
