/** Where a Cloud Hypervisor VM has its things: files in the run folder, zone and device names. */
import { join } from 'node:path';
import { DEVICE_BLOCK_BYTES } from '../../../base/units.ts';
import { nodeBootBytes } from '../../host/guest-node.ts';
import type { RegionSpec } from '../../vm.ts';

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

export function filesOf(run_dir: string): ChFiles {
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
  const { api_path, vsock_path } = filesOf(run_dir);
  return [api_path, `${api_path}.lock`, vsock_path];
}

/** The zone with the ordinary memory. */
export const BASE_ZONE = 'base';

/** Zones share one name space with devices: regions carry a prefix. */
export const zoneOf = (region_id: string): string => `region-${region_id}`;

/** Boot memory of a region's zone: the server refuses none. With a node of its own it has more. */
export function zoneBootBytes(region: Pick<RegionSpec, 'guest_node' | 'max_bytes'>): number {
  return region.guest_node === null ? DEVICE_BLOCK_BYTES : nodeBootBytes(region.max_bytes);
}

/** The guest's own address on its vsock; every VM has a socket of its own, so all share it. */
export const GUEST_CID = 3;
