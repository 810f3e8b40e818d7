/**
 * What a user of the one interface can still tell the drivers apart by. The suite asserts every
 * field (behaviours/differences.ts), and docs/drivers.md is written from here (drivers-page.ts).
 */
import { MIB } from '../../../base/units.ts';
import type { Accelerator, VmSpec } from '../../vm.ts';

export interface DriverProfile {
  /** Head of its column. */
  readonly title: string;
  /** The driver refuses what is older; major and minor. */
  readonly oldest_version: readonly [number, number];
  readonly accelerators: readonly Accelerator[];
  readonly devices_per_vm: number;
  /** With several regions a device, in a guest that makes partitions of it. */
  readonly regions_per_vm: number;
  /** Whether the VMM tells what is plugged of each device, or the sum of all. */
  readonly plugged_per_device: boolean;
  /** Resizes of different devices of one VM: side by side, or one after the other. */
  readonly resizes_at_once: 'all' | 'one';
  /** What each device takes of `boot_bytes`: without and with a guest node of its own. */
  readonly device_boot_bytes: number;
  readonly node_boot_bytes: number;
  /** Host backings of which what is plugged reads zero. */
  readonly plugged_reads_zero: readonly VmSpec['backing'][];
  /** Host backings of which what is plugged has its pages at once, where that is asked for. */
  readonly populates_plugged: readonly VmSpec['backing'][];
  /** Characters a path of a specification may not hold, besides the limit on its length. */
  readonly refused_in_paths: string;
  /** In the run folder while the VM runs; the handle is beside them. */
  readonly sockets: readonly string[];
}

export const QEMU: DriverProfile = {
  title: 'qemu',
  oldest_version: [7, 2],
  accelerators: ['kvm', 'tcg'],
  devices_per_vm: 192,
  regions_per_vm: 256,
  plugged_per_device: true,
  resizes_at_once: 'all',
  device_boot_bytes: 0,
  node_boot_bytes: 16 * MIB,
  plugged_reads_zero: ['anonymous', 'memfd', 'huge'],
  populates_plugged: ['anonymous', 'memfd', 'huge'],
  refused_in_paths: '',
  sockets: ['channel.sock', 'qmp.sock'],
};

export const CLOUD_HYPERVISOR: DriverProfile = {
  title: 'cloud-hypervisor',
  oldest_version: [53, 0],
  accelerators: ['kvm'],
  devices_per_vm: 28,
  regions_per_vm: 256,
  plugged_per_device: false,
  resizes_at_once: 'one',
  device_boot_bytes: 2 * MIB,
  node_boot_bytes: 16 * MIB,
  plugged_reads_zero: ['anonymous', 'memfd'],
  populates_plugged: [],
  refused_in_paths: ',"',
  sockets: ['ch.sock', 'vsock.sock'],
};

/** The same driver with the fake server behind it: nothing may differ but the name. */
export const FAKE: DriverProfile = { ...CLOUD_HYPERVISOR, title: 'fake' };

export const PROFILES: readonly DriverProfile[] = [QEMU, CLOUD_HYPERVISOR, FAKE];
