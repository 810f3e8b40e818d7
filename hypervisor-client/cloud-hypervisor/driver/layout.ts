/** Where a Cloud Hypervisor VM has its things: files in the run folder, zone and device names. */
import { join } from 'node:path';
import { DEVICE_BLOCK_BYTES } from '../../../base/units.ts';
import { nodeBootBytes } from '../../host/guest-node.ts';
import { deviceBytes } from '../../spec.ts';
import type { DeviceSpec, VmSpec } from '../../vm.ts';

export interface ChFiles {
  readonly api_path: string;
  readonly vsock_path: string;
  readonly console_path: string;
  readonly events_path: string;
  readonly log_path: string;
  readonly stdout_path: string;
  readonly stderr_path: string;
  readonly backings_path: string;
}

export function chFiles(run_dir: string): ChFiles {
  return {
    api_path: join(run_dir, 'ch.sock'),
    vsock_path: join(run_dir, 'vsock.sock'),
    console_path: join(run_dir, 'console.log'),
    events_path: join(run_dir, 'events.json'),
    log_path: join(run_dir, 'ch.log'),
    stdout_path: join(run_dir, 'ch.out'),
    stderr_path: join(run_dir, 'ch.err'),
    backings_path: join(run_dir, 'backings.json'),
  };
}

/** Sockets that must not be there at a start and are removed after the end. */
export function socketsOf(run_dir: string): readonly string[] {
  const { api_path, vsock_path } = chFiles(run_dir);
  return [api_path, `${api_path}.lock`, vsock_path];
}

/** The zone with the ordinary memory. */
export const BASE_ZONE = 'base';

/**
 * A memory device is a zone. Zones share one name space with other devices, so they carry a prefix:
 * that of the time when each region was a device, for VMs that live since then are adopted.
 */
export const zoneOf = (device_id: string): string => `region-${device_id}`;

/** Boot memory of a device's zone: the server refuses none. With a node of its own it has more. */
export function zoneBootBytes(device: DeviceSpec): number {
  return device.guest_node === null ? DEVICE_BLOCK_BYTES : nodeBootBytes(deviceBytes(device));
}

/** Of all of them: what they take of the VM's `boot_bytes`. */
export const zonesBootBytes = ({ devices }: VmSpec): number =>
  devices.reduce((sum, device) => sum + zoneBootBytes(device), 0);

/** The guest's own address on its vsock; every VM has a socket of its own, so all share it. */
export const GUEST_CID = 3;
