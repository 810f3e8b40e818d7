/** Where a QEMU VM has its things: files in the run folder, PCI slots, object ids. Pure. */
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import { VMM_LIMITS } from '../limits.ts';

export interface QemuFiles {
  readonly qmp_path: string;
  readonly channel_path: string;
  readonly console_path: string;
  readonly stdout_path: string;
  readonly stderr_path: string;
  /** Counts of accesses, and whose addresses are which, where they are counted. */
  readonly counts_path: string;
  readonly ranges_path: string;
}

export function qemuFiles(run_dir: string): QemuFiles {
  return {
    qmp_path: join(run_dir, 'qmp.sock'),
    channel_path: join(run_dir, 'channel.sock'),
    console_path: join(run_dir, 'console.log'),
    stdout_path: join(run_dir, 'qemu.out'),
    stderr_path: join(run_dir, 'qemu.err'),
    counts_path: join(run_dir, 'accesses'),
    ranges_path: join(run_dir, 'accesses.json'),
  };
}

/**
 * Slots of the q35 root bus for memory devices, 8 functions each. Slot 0 is the host bridge, 0x1f
 * the LPC bridge, 1 and 2 hold the driver's own devices, 3 the disks, 4 the network device; 0x07
 * comes last, so that the first one is `08.0`.
 */
const DEVICE_SLOTS: readonly number[] = [...Array.from({ length: 23 }, (_, i) => 0x08 + i), 0x07];
const FUNCTIONS_PER_SLOT = 8;
/** Where the disks are, a function each. */
export const DISK_SLOT = 0x03;
/** Where the network device is. */
export const NIC_SLOT = 0x04;
assert(VMM_LIMITS.disks_per_vm <= FUNCTIONS_PER_SLOT, 'all disks lie in one slot');

export const DEVICES_MAX = DEVICE_SLOTS.length * FUNCTIONS_PER_SLOT;

export interface PciPlace {
  readonly slot: number;
  readonly function: number;
}

/** Fixed place of the device with that index in the specification. */
export function pciPlaceOf(index: number): PciPlace {
  const slot = DEVICE_SLOTS[Math.floor(index / FUNCTIONS_PER_SLOT)];
  assert(slot !== undefined && index >= 0, 'the specification was checked against DEVICES_MAX');
  return { slot, function: index % FUNCTIONS_PER_SLOT };
}

/** The guest's name of the device there, as in /sys/bus/pci/devices. */
export function pciAddressOf(index: number): string {
  const place = pciPlaceOf(index);
  return `0000:00:${place.slot.toString(16).padStart(2, '0')}.${place.function}`;
}

/** The object that boot memory is, where the guest has no nodes. */
export const BOOT_BACKEND = 'boot';

/**
 * Ids carry a prefix, so that a device cannot take the name of another object. It is that of the
 * time when each region was a device: VMs that live since then are adopted.
 */
export const objectIdOf = (device_id: string): string => `region-${device_id}`;
export const backendIdOf = (device_id: string): string => `memory-${device_id}`;
export const devicePathOf = (device_id: string): string =>
  `/machine/peripheral/${objectIdOf(device_id)}`;
