/**
 * What every driver checks before it touches the host: the VM specification and resize arguments.
 */
import { access, constants } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { DEVICE_BLOCK_BYTES, formatBytes, MEMORY_BLOCK_BYTES, MIB } from '../base/units.ts';
import { LIMITS } from '../base/limits.ts';
import { VMM_LIMITS } from './limits.ts';
import { socketPathTrouble } from '../base/safe-path.ts';
import { vmmError } from './errors.ts';
import { HOST_NODE_MAX } from './host/host-nodes.ts';
import type { DeviceSpec, DiskSpec, NicSpec, RegionSpec, VmSpec } from './vm.ts';

/** Less than this for the kernel and its page arrays and Linux does not boot. */
const BOOT_BYTES_MIN = 64 * MIB;
const GUEST_NODE_MAX = 127;
const VM_ID = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;
const REGION_ID = /^[a-z][a-z0-9-]{0,30}$/;
/** Linux tells the first 20 bytes of a virtio-blk serial. */
const DISK_SERIAL = /^[a-z][a-z0-9-]{0,19}$/;
/** IFNAMSIZ is 16, with the end mark. */
const TAP_NAME = /^[a-z][a-z0-9]{0,14}$/;
/** The last bit of the first byte would make it the address of a group. */
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;
/** IPv4 asks for the least; the other is the most that virtio-net can tell. */
const MTU_BYTES = { least: 576, most: 65_535 } as const;

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
  const { devices }: { devices: unknown } = spec;
  if (!Array.isArray(devices)) return 'it needs devices: a list of { id, guest_node, regions }';
  const count = regionsOf(spec).length;
  if (count > LIMITS.regions_per_vm) {
    return `it has ${count} regions, the limit is ${LIMITS.regions_per_vm}`;
  }
  return (
    findDevicesTrouble(spec.devices) ??
    findDisksTrouble(spec.disks ?? []) ??
    (spec.nic ? findNicTrouble(spec.nic) : null)
  );
}

function findNicTrouble({ tap, mac, mtu_bytes }: NicSpec): string | null {
  const name = `network device ${JSON.stringify(tap)}`;
  if (!TAP_NAME.test(tap)) return `${name} must be a TAP device like [a-z][a-z0-9]{0,14}`;
  if (!MAC.test(mac)) return `${name} must have a mac of one station, like 02:00:00:00:00:01`;
  const { least, most } = MTU_BYTES;
  if (isCount(mtu_bytes) && mtu_bytes >= least && mtu_bytes <= most) return null;
  return `${name} must have mtu_bytes of ${least} to ${most}`;
}

function findDisksTrouble(disks: readonly DiskSpec[]): string | null {
  if (disks.length > VMM_LIMITS.disks_per_vm) {
    return `it has ${disks.length} disks, the limit is ${VMM_LIMITS.disks_per_vm}`;
  }
  for (const [index, { serial, path }] of disks.entries()) {
    const name = `disk ${JSON.stringify(serial)}`;
    if (!DISK_SERIAL.test(serial)) return `${name} must have a serial like [a-z][a-z0-9-]{0,19}`;
    if (!isAbsolute(path)) return `${name} must have an absolute path`;
    if (disks.findIndex((other) => other.serial === serial) < index)
      return `${name} is there twice`;
  }
  return null;
}

function findDevicesTrouble(devices: readonly DeviceSpec[]): string | null {
  const device_ids = new Set<string>();
  const region_ids = new Set<string>();
  for (const device of devices) {
    const trouble = device_ids.has(device.id) ? 'is there twice' : findDeviceTrouble(device);
    if (trouble) return `device ${JSON.stringify(device.id)} ${trouble}`;
    device_ids.add(device.id);
    for (const region of device.regions) {
      const wrong = region_ids.has(region.id) ? 'is there twice' : findRegionTrouble(region);
      if (wrong) return `region ${JSON.stringify(region.id)} ${wrong}`;
      region_ids.add(region.id);
    }
  }
  return null;
}

function findDeviceTrouble(device: DeviceSpec): string | null {
  const { id, guest_node, host_node = null, regions } = device;
  if (!REGION_ID.test(id)) return 'must have an id like [a-z][a-z0-9-]{0,30}';
  if (
    guest_node !== null &&
    (!isCount(guest_node) || guest_node < 1 || guest_node > GUEST_NODE_MAX)
  ) {
    return `must have a guest_node of 1 to ${GUEST_NODE_MAX}, or null`;
  }
  if (host_node !== null && (!isCount(host_node) || host_node > HOST_NODE_MAX)) {
    return `must have a host_node of 0 to ${HOST_NODE_MAX}, or null`;
  }
  if (regions.length < 1 || regions.length > VMM_LIMITS.regions_per_device) {
    return `must have 1 to ${VMM_LIMITS.regions_per_device} regions`;
  }
  if (regions.length === 1) return null;
  const [first] = regions;
  const uneven = regions.some(({ max_bytes }) => max_bytes !== first?.max_bytes);
  if (uneven) return 'has several regions, which must be of one size';
  const full = regions.findIndex(({ initial_bytes }) => initial_bytes === 0);
  const from_first = regions.every(
    ({ initial_bytes, max_bytes }, index) =>
      initial_bytes === (full === -1 || index < full ? max_bytes : 0),
  );
  return from_first
    ? null
    : 'has several regions, of which only the first ones may be full at boot';
}

function findRegionTrouble(region: RegionSpec): string | null {
  if (!REGION_ID.test(region.id)) return 'must have an id like [a-z][a-z0-9-]{0,30}';
  if (!isCount(region.max_bytes) || region.max_bytes % MEMORY_BLOCK_BYTES !== 0) {
    return `must have max_bytes in multiples of ${formatBytes(MEMORY_BLOCK_BYTES)}`;
  }
  if (region.max_bytes === 0) return 'must have max_bytes above zero';
  const trouble = findSizeTrouble(region.initial_bytes, region.max_bytes);
  return trouble ? `has initial_bytes that ${trouble}` : null;
}

/**
 * Throws HP_VMM_BAD_SIZE unless `bytes` is whole device blocks in 0 to `max_bytes`, and all or
 * nothing where the device has more regions. Pure.
 */
export function checkResize({ device, region }: PlacedRegion, bytes: number): void {
  const trouble =
    findSizeTrouble(bytes, region.max_bytes) ??
    (isShared(device) && bytes !== 0 && bytes !== region.max_bytes
      ? `shares device ${device.id}, so it has all or nothing`
      : null);
  if (!trouble) return;
  throw vmmError('HP_VMM_BAD_SIZE', `Region ${region.id} cannot have ${bytes} bytes: ${trouble}.`, {
    details: { region_id: region.id, bytes, max_bytes: region.max_bytes },
  });
}

/** A region and where it lies. */
export interface PlacedRegion {
  readonly device: DeviceSpec;
  readonly device_index: number;
  readonly region: RegionSpec;
  /** Place in the device, counted from 0. */
  readonly partition: number;
}

/** Whether the device is cut into several regions. */
export const isShared = ({ regions }: DeviceSpec): boolean => regions.length > 1;

/** What a device may have plugged. */
export const deviceBytes = ({ regions }: DeviceSpec): number =>
  regions.reduce((sum, { max_bytes }) => sum + max_bytes, 0);

/** What is asked of a device from boot on. */
export const deviceInitialBytes = ({ regions }: DeviceSpec): number =>
  regions.reduce((sum, { initial_bytes }) => sum + initial_bytes, 0);

/** What all devices of a VM may have plugged. */
export const devicesBytes = ({ devices }: VmSpec): number =>
  devices.reduce((sum, device) => sum + deviceBytes(device), 0);

/** All regions with their places, in the order of the specification. */
export function placedRegions({ devices }: VmSpec): readonly PlacedRegion[] {
  return devices.flatMap((device, device_index) =>
    device.regions.map((region, partition) => ({ device, device_index, region, partition })),
  );
}

/** All regions, in the order of the specification. */
const regionsOf = ({ devices }: VmSpec): readonly RegionSpec[] =>
  devices.flatMap(({ regions }) => regions);

/** A device with this region alone, and its id. */
export const deviceOf = (region: RegionSpec, guest_node: number | null = null): DeviceSpec => ({
  id: region.id,
  guest_node,
  regions: [region],
});

/** The region of that id and its place; throws HP_VMM_UNKNOWN_REGION. */
export function findRegion(spec: VmSpec, id: string): PlacedRegion {
  const placed = placedRegions(spec).find(({ region }) => region.id === id);
  if (placed) return placed;
  throw vmmError('HP_VMM_UNKNOWN_REGION', `VM ${spec.id} has no region ${JSON.stringify(id)}.`);
}

/** Throws HP_VMM_SOCKET_PATH when a path does not fit in a socket address. */
export function checkVmSocketPath(path: string): void {
  const trouble = socketPathTrouble(path);
  if (trouble === null) return;
  const bytes = Buffer.byteLength(path);
  throw vmmError('HP_VMM_SOCKET_PATH', `${trouble}.`, { details: { path, bytes } });
}

/** Every file that the VMM reads and the guest is made of. */
export const imagePaths = ({ kernel_path, initrd_path, disks = [] }: VmSpec): readonly string[] => [
  kernel_path,
  initrd_path,
  ...disks.map(({ path }) => path),
];

/** Throws HP_VMM_BAD_IMAGE when kernel, initial RAM disk or a disk cannot be read. */
export async function checkImage(spec: VmSpec): Promise<void> {
  for (const path of imagePaths(spec)) {
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
