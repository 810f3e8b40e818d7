/** From what server and host tell to the observation of the interface. Pure. */
import { assert } from '../../../base/assert.ts';
import { type RegionSizes, regionsAt } from '../../resize/places.ts';
import type { VmObservation, VmSpec, VmRunState } from '../../vm.ts';
import type { DeviceNode, VmInfo, VmState as ServerState } from '../types/index.ts';
import { chError } from '../errors.ts';
import type { Book } from './book.ts';
import { zoneOf } from './layout.ts';

const STATES: Readonly<Record<ServerState, VmRunState>> = {
  // Observed after its boot only: a server whose VM was shut down has the configuration left.
  Created: 'stopped',
  Running: 'running',
  Paused: 'paused',
  BreakPoint: 'paused',
  Shutdown: 'stopped',
};

export interface ObservationParts {
  readonly spec: VmSpec;
  readonly info: VmInfo;
  readonly book: Book;
  /** By device and place in it. */
  readonly sizes: readonly (readonly RegionSizes[])[];
  readonly resident_bytes: number;
  readonly pci_addresses: readonly string[];
  readonly panicked: boolean;
  readonly at_ms: number;
}

export function observationOf(parts: ObservationParts): VmObservation {
  const { spec, info, book, sizes, resident_bytes, pci_addresses, panicked, at_ms } = parts;
  return {
    state: panicked ? 'panicked' : STATES[info.state],
    devices: book.map(({ device_id, requested_bytes, plugged_bytes }) => ({
      id: device_id,
      requested_bytes,
      plugged_bytes,
    })),
    regions: regionsAt(spec, sizes, (index) => pci_addresses[index] ?? ''),
    resident_bytes,
    observed_at_ms: at_ms,
  };
}

/** Where the guest sees each device; differs from boot to boot. Throws HP_CH_PROTOCOL. */
export function pciAddressesOf(info: VmInfo, spec: VmSpec): readonly string[] {
  const tree: Readonly<Record<string, DeviceNode>> = info.device_tree ?? {};
  const addresses = spec.devices.map(({ id }) => {
    const address = tree[`_virtio-pci-${zoneOf(id)}`]?.pci_bdf;
    if (
      typeof address === 'string' &&
      /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(address)
    ) {
      return address;
    }
    throw chError('HP_CH_PROTOCOL', `vm.info does not show where device ${id} is.`);
  });
  assert(new Set(addresses).size === addresses.length, 'two devices have the same PCI address');
  return addresses;
}
