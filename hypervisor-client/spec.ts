/**
 * What every driver checks before it touches the host: the VM specification and resize arguments.
 */
import { access, constants } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { DEVICE_BLOCK_BYTES, formatBytes, MEMORY_BLOCK_BYTES, MIB } from '../base/units.ts';
import { LIMITS } from '../base/limits.ts';
import { socketPathTrouble } from '../base/safe-path.ts';
import { vmmError } from './errors.ts';
import type { RegionSpec, VmSpec } from './vm.ts';

/** Less than this for the kernel and its page arrays and Linux does not boot. */
const BOOT_BYTES_MIN = 64 * MIB;
const GUEST_NODE_MAX = 127;
const VM_ID = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;
const REGION_ID = /^[a-z][a-z0-9-]{0,30}$/;

/** Throws HP_VMM_BAD_SPEC for the first thing that is wrong with `spec`. Pure. */
export function checkSpec(spec: VmSpec): void {
  const wrong = findTrouble(spec);
  if (wrong) throw vmmError('HP_VMM_BAD_SPEC', `VM ${JSON.stringify(spec.id)}: ${wrong}.`);
}

function findTrouble(spec: VmSpec): string | null {
  if (!VM_ID.test(spec.id)) return 'its id may hold letters, digits, ".", "_" and "-", at most 63';
  if (!isAbsolute(spec.run_dir)) return 'run_dir must be an absolute path';
  if (!isCount(spec.vcpus) || spec.vcpus < 1 || spec.vcpus > 255) return 'vcpus must be 1 to 255';
  if (!isCount(spec.boot_bytes) || spec.boot_bytes % DEVICE_BLOCK_BYTES !== 0) {
    return `boot_bytes must be a multiple of ${formatBytes(DEVICE_BLOCK_BYTES)}`;
  }
  if (spec.boot_bytes < BOOT_BYTES_MIN) {
    return `boot_bytes must be at least ${formatBytes(BOOT_BYTES_MIN)}`;
  }
  if (spec.regions.length > LIMITS.regions_per_vm) {
    return `it has ${spec.regions.length} regions, the limit is ${LIMITS.regions_per_vm}`;
  }
  const ids = new Set<string>();
  for (const region of spec.regions) {
    const wrong = ids.has(region.id) ? 'is there twice' : findRegionTrouble(region);
    if (wrong) return `region ${JSON.stringify(region.id)} ${wrong}`;
    ids.add(region.id);
  }
  return null;
}

function findRegionTrouble(region: RegionSpec): string | null {
  if (!REGION_ID.test(region.id)) return 'must have an id like [a-z][a-z0-9-]{0,30}';
  if (!isCount(region.max_bytes) || region.max_bytes % MEMORY_BLOCK_BYTES !== 0) {
    return `must have max_bytes in multiples of ${formatBytes(MEMORY_BLOCK_BYTES)}`;
  }
  if (region.max_bytes === 0) return 'must have max_bytes above zero';
  const trouble = findSizeTrouble(region.initial_bytes, region.max_bytes);
  if (trouble) return `has initial_bytes that ${trouble}`;
  const node = region.guest_node;
  if (node !== null && (!isCount(node) || node < 1 || node > GUEST_NODE_MAX)) {
    return `must have a guest_node of 1 to ${GUEST_NODE_MAX}, or null`;
  }
  return null;
}

/** Throws HP_VMM_BAD_SIZE unless `bytes` is whole device blocks in 0 to `max_bytes`. Pure. */
export function checkResize(region: RegionSpec, bytes: number): void {
  const trouble = findSizeTrouble(bytes, region.max_bytes);
  if (!trouble) return;
  throw vmmError('HP_VMM_BAD_SIZE', `Region ${region.id} cannot have ${bytes} bytes: ${trouble}.`, {
    details: { region_id: region.id, bytes, max_bytes: region.max_bytes },
  });
}

/** The region of that id; throws HP_VMM_UNKNOWN_REGION. */
export function findRegion(spec: VmSpec, id: string): RegionSpec {
  const region = spec.regions.find((candidate) => candidate.id === id);
  if (region) return region;
  throw vmmError('HP_VMM_UNKNOWN_REGION', `VM ${spec.id} has no region ${JSON.stringify(id)}.`);
}

/** Throws HP_VMM_SOCKET_PATH when a path does not fit in a socket address. */
export function checkSocketPath(path: string): void {
  const trouble = socketPathTrouble(path);
  if (trouble === null) return;
  const bytes = Buffer.byteLength(path);
  throw vmmError('HP_VMM_SOCKET_PATH', `${trouble}.`, { details: { path, bytes } });
}

/** Throws HP_VMM_BAD_IMAGE when kernel or initial RAM disk cannot be read. */
export async function checkImage(spec: VmSpec): Promise<void> {
  for (const path of [spec.kernel_path, spec.initrd_path]) {
    try {
      await access(path, constants.R_OK);
    } catch (error) {
      throw vmmError('HP_VMM_BAD_IMAGE', `${path} cannot be read.`, { cause: error });
    }
  }
}

function findSizeTrouble(bytes: number, max_bytes: number): string | null {
  if (!Number.isSafeInteger(bytes)) return 'is not a whole number';
  if (bytes < 0) return 'is below zero';
  if (bytes > max_bytes) return `is above the maximum of ${formatBytes(max_bytes)}`;
  if (bytes % DEVICE_BLOCK_BYTES !== 0) {
    return `is not a multiple of ${formatBytes(DEVICE_BLOCK_BYTES)}`;
  }
  return null;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
