/**
 * What the server finds wrong with a configuration when it boots: `vm.create` only stores it. In
 * the order and with the sentences of the server.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { VmConfig } from '../../cloud-hypervisor/types/index.ts';
import { ApiError, apiError } from './errors.ts';

const WHAT = 'The VM could not boot';
/** vmm/src/config.rs, MAX_SUPPORTED_CPUS. */
const CPUS_MAX = 8192;
/** KVM_CAP_MAX_VCPUS of the hosts this was seen on. */
const HOST_CPUS_MAX = 1024;
/** virtio-devices/src/mem.rs, VIRTIO_MEM_ALIGN_SIZE and its block size. */
const ALIGN_BYTES = 128 * 1024 * 1024;
const BLOCK_BYTES = 2 * 1024 * 1024;
/** Reserved by the vsock specification, as the server counts them. */
const SPECIAL_CIDS: readonly number[] = [0, 1, 2, 0xffff_ffff];

/** Throws a 400 for a configuration that is none, a 500 for one that cannot be built. */
export function checkBootConfig(config: VmConfig): void {
  const invalid = invalidConfig(config);
  if (invalid.length > 0) {
    throw new ApiError(400, ['Error from API', WHAT, 'Failed to validate config', ...invalid]);
  }
  const memory = memoryProblem(config);
  if (memory !== null) throw apiError(WHAT, 'Memory manager error', memory);
  if ((config.cpus?.max_vcpus ?? 1) > HOST_CPUS_MAX) {
    const most = `Maximum number of vCPUs ${config.cpus?.max_vcpus} exceeds host limit ${HOST_CPUS_MAX}`;
    throw apiError(WHAT, 'Error from CPU manager', most);
  }
  if (hasBadNuma(config)) throw apiError(WHAT, 'Invalid NUMA configuration');
  for (const { path } of config.disks ?? []) {
    if (!path || existsSync(path)) continue;
    throw apiError(WHAT, 'Error from device manager', 'Cannot open disk path', NOT_THERE);
  }
  if (pciDevices(config) > PCI_DEVICES) {
    const none = 'Could not find an available device slot on the PCI bus';
    throw apiError(WHAT, 'Error from device manager', none);
  }
  const device = deviceProblem(config);
  if (device === null) return;
  throw apiError(WHAT, 'Error from device manager', 'Cannot create virtio-mem device', device);
}

const NOT_THERE = 'No such file or directory (os error 2)';

function invalidConfig({ payload, cpus, vsock, numa }: Partial<VmConfig>): string[] {
  if (!payload?.kernel && !payload?.firmware) {
    const none = 'No bootitem provided: neither firmware nor kernel';
    return ['Payload configuration is not bootable', none];
  }
  if (cpus && cpus.max_vcpus < cpus.boot_vcpus) {
    return [`Max CPUs (${cpus.max_vcpus}) lower than boot CPUs (${cpus.boot_vcpus})`];
  }
  if (cpus && cpus.max_vcpus > CPUS_MAX) {
    return [`Too many CPUs: specified ${cpus.max_vcpus} but ${CPUS_MAX} is the limit`];
  }
  if (vsock && SPECIAL_CIDS.includes(vsock.cid)) return [`${vsock.cid} is a special VSOCK CID`];
  const owners = new Map<string, number>();
  for (const { guest_numa_id, memory_zones = [] } of numa ?? []) {
    for (const zone of memory_zones) {
      const owner = owners.get(zone);
      if (owner !== undefined && owner !== guest_numa_id) {
        const nodes = `${owner} and ${guest_numa_id}`;
        return [`Memory zone: ${zone} belongs to multiple NUMA nodes: ${nodes}`];
      }
      owners.set(zone, guest_numa_id);
    }
  }
  return [];
}

function memoryProblem({ memory }: VmConfig): string | null {
  if (!memory?.zones) return null;
  const { zones, size, hotplug_method } = memory;
  if (size !== 0) return 'Memory configuration is not valid';
  if (zones.length === 0) return 'No memory zones found';
  if (new Set(zones.map(({ id }) => id)).size < zones.length) {
    return 'Memory zone identifier is not unique';
  }
  for (const zone of zones) {
    if ((zone.hotplugged_size ?? 0) > (zone.hotplug_size ?? 0)) {
      return 'Memory configuration is not valid';
    }
    if (zone.hotplug_size !== undefined && hotplug_method !== 'VirtioMem') {
      return 'Invalid hotplug method associated with memory zones resizing capability';
    }
    if (zone.size === 0) return 'Error from region creation';
  }
  return null;
}

function hasBadNuma({ numa = [], memory }: VmConfig): boolean {
  const zones = new Set((memory?.zones ?? []).map(({ id }) => id));
  const nodes = new Set(numa.map(({ guest_numa_id }) => guest_numa_id));
  const named = numa.flatMap(({ memory_zones = [] }) => memory_zones);
  return nodes.size < numa.length || named.some((zone) => !zones.has(zone));
}

/** pci/src/bus.rs, NUM_DEVICE_IDS. */
const PCI_DEVICES = 32;

/** Places on PCI segment 0: host bridge and rng are always there. */
function pciDevices({ memory, vsock, pvpanic, disks = [], net = [], console }: VmConfig): number {
  const regions = (memory?.zones ?? []).filter(({ hotplug_size }) => hotplug_size !== undefined);
  const others = [vsock !== undefined, pvpanic === true, console?.mode !== 'Off'];
  return 2 + regions.length + disks.length + net.length + others.filter(Boolean).length;
}

function deviceProblem({ memory }: VmConfig): string | null {
  for (const { hotplug_size = 0, hotplugged_size = 0 } of memory?.zones ?? []) {
    if (hotplug_size % ALIGN_BYTES !== 0) {
      return `Virtio-mem size is not aligned with ${ALIGN_BYTES}`;
    }
    if (hotplugged_size % BLOCK_BYTES !== 0) {
      return `Failed to resize virtio-mem configuration to ${hotplugged_size}: not aligned`;
    }
  }
  return null;
}

/**
 * A kernel must be there and look like one: an ELF, a bzImage, or the text `fake-kernel`. The VM
 * exists by the time this is found: booting again is "already created" until it is shut down.
 */
export function checkPayload({ payload }: VmConfig): void {
  const { kernel = '', initramfs } = payload;
  for (const [path, name] of [
    [kernel, 'kernel'],
    [initramfs, 'initramfs'],
  ]) {
    if (!path || existsSync(path)) continue;
    throw apiError(WHAT, `Cannot open ${name} file`, NOT_THERE);
  }
  const is_file = kernel !== '' && statSync(kernel).isFile();
  const head = is_file ? readFileSync(kernel).subarray(0, 0x206) : Buffer.alloc(0);
  const elf = head.subarray(0, 4).toString('latin1') === '\x7fELF';
  const bzimage = head.subarray(0x202, 0x206).toString('latin1') === 'HdrS';
  if (elf || bzimage || head.toString('latin1').startsWith('fake-kernel')) return;
  throw apiError(WHAT, 'Cannot load the kernel into memory', 'Kernel Loader: Invalid bzImage');
}
