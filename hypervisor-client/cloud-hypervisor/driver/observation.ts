/** From what server and host tell to the observation of the interface. Pure. */
import { assert } from '../../../base/assert.ts';
import type { VmObservation, VmSpec, VmState } from '../../vm.ts';
import type { DeviceNode, VmInfo, VmState as ServerState } from '../types/index.ts';
import { chError } from '../errors.ts';
import type { Book } from './book.ts';
import { zoneOf } from './layout.ts';
import type { Residency } from './residency.ts';

const STATES: Readonly<Record<ServerState, VmState>> = {
  // Observed after its boot only: a server whose VM was shut down has the configuration left.
  Created: 'stopped',
  Running: 'running',
  Paused: 'paused',
  BreakPoint: 'paused',
  Shutdown: 'stopped',
};

export interface ObservationParts {
  readonly info: VmInfo;
  readonly book: Book;
  readonly residency: Residency;
  readonly pci_addresses: readonly string[];
  readonly panicked: boolean;
  readonly at_ms: number;
}

export function observationOf(parts: ObservationParts): VmObservation {
  const { info, book, residency, pci_addresses, panicked, at_ms } = parts;
  return {
    state: panicked ? 'panicked' : STATES[info.state],
    regions: book.map((entry, index) => ({
      id: entry.region_id,
      max_bytes: entry.max_bytes,
      requested_bytes: entry.requested_bytes,
      plugged_bytes: entry.plugged_bytes,
      resident_bytes: residency.ranges[index] ?? 0,
      pci_address: pci_addresses[index] ?? '',
    })),
    resident_bytes: residency.resident_bytes,
    observed_at_ms: at_ms,
  };
}

/** Nothing of the VM is left, so it holds nothing of the host. */
export function lastObservation(
  spec: VmSpec,
  pci_addresses: readonly string[],
  state: VmState,
  at_ms: number,
): VmObservation {
  return {
    state,
    regions: spec.regions.map(({ id, max_bytes }, index) => ({
      id,
      max_bytes,
      requested_bytes: 0,
      plugged_bytes: 0,
      resident_bytes: 0,
      pci_address: pci_addresses[index] ?? '',
    })),
    resident_bytes: 0,
    observed_at_ms: at_ms,
  };
}

/** Where the guest sees each region; differs from boot to boot. Throws HP_CH_PROTOCOL. */
export function pciAddressesOf(info: VmInfo, spec: VmSpec): readonly string[] {
  const tree: Readonly<Record<string, DeviceNode>> = info.device_tree ?? {};
  const addresses = spec.regions.map(({ id }) => {
    const address = tree[`_virtio-pci-${zoneOf(id)}`]?.pci_bdf;
    if (
      typeof address === 'string' &&
      /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(address)
    ) {
      return address;
    }
    throw chError('HP_CH_PROTOCOL', `vm.info does not show where region ${id} is.`);
  });
  assert(new Set(addresses).size === addresses.length, 'two regions have the same PCI address');
  return addresses;
}
