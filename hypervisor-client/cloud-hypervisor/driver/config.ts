/** The configuration of a VM for `vm.create`, and the command line of the server. Pure. */
import { formatBytes, MIB } from '../../../base/units.ts';
import { vmmError } from '../../errors.ts';
import { deviceBytes, deviceInitialBytes, imagePaths } from '../../spec.ts';
import type { DiskSpec, NicSpec, VmSpec } from '../../vm.ts';
import { FAR_NODE } from '../../host/guest-node.ts';
import type {
  DiskConfig,
  LandlockConfig,
  NetConfig,
  NumaConfig,
  NumaDistance,
  VmConfig,
} from '../types/index.ts';
import { BASE_ZONE, chFiles, GUEST_CID, zoneBootBytes, zoneOf, zonesBootBytes } from './layout.ts';
import { CH_LIMITS } from '../limits.ts';

/** What must be left of `boot_bytes` for the zone where the kernel lives. */
const BASE_BYTES_MIN = 64 * MIB;

export interface ConfigOptions {
  readonly landlock: boolean;
  /** Host NUMA node of all memory that has none of its own, or null. */
  readonly host_numa_node: number | null;
}

/** Throws HP_VMM_BAD_SPEC for what only Cloud Hypervisor minds. */
export function vmConfig(spec: VmSpec, options: ConfigOptions): VmConfig {
  const files = chFiles(spec.run_dir);
  const base_bytes = baseBytes(spec);
  const common = {
    shared: spec.backing === 'memfd',
  };
  const numa = numaConfig(spec);
  const { disks = [], nic } = spec;
  return {
    payload: {
      kernel: spec.kernel_path,
      initramfs: spec.initrd_path,
      cmdline: ['console=ttyS0', ...spec.kernel_arguments].join(' '),
    },
    cpus: { boot_vcpus: spec.vcpus, max_vcpus: spec.vcpus, nested: false },
    memory: {
      size: 0,
      hotplug_method: 'VirtioMem',
      thp: spec.backing !== 'memfd',
      zones: [
        { id: BASE_ZONE, size: base_bytes, ...common, ...boundTo(options.host_numa_node) },
        ...spec.devices.map((device) => {
          const hotplugged_size = deviceInitialBytes(device);
          return {
            id: zoneOf(device.id),
            size: zoneBootBytes(device),
            hotplug_size: deviceBytes(device),
            ...(hotplugged_size > 0 ? { hotplugged_size } : {}),
            ...common,
            ...boundTo(device.host_node ?? options.host_numa_node),
            ...(spec.backing === 'huge' ? { hugepages: true, hugepage_size: 2 * MIB } : {}),
          };
        }),
      ],
    },
    ...(numa.length > 0 ? { numa } : {}),
    ...(disks.length > 0 ? { disks: disks.map(diskConfig) } : {}),
    ...(nic ? { net: [netConfig(nic)] } : {}),
    serial: { mode: 'File', file: files.console_path },
    console: { mode: 'Off' },
    vsock: { cid: GUEST_CID, socket: files.vsock_path },
    pvpanic: true,
    ...(options.landlock ? { landlock_enable: true } : {}),
    ...(options.landlock && nic ? { landlock_rules: [tapFlags(nic)] } : {}),
  };
}

const boundTo = (host_numa_node: number | null) =>
  host_numa_node === null ? {} : { host_numa_node };

/** `image_type` is told because the server would else guess it from what the file holds. */
const diskConfig = ({ serial, path }: DiskSpec): DiskConfig => ({
  path,
  serial,
  readonly: true,
  image_type: 'Raw',
});

/** A TAP device that is there is taken as it is: the server makes one of any other name. */
const netConfig = ({ tap, mac, mtu_bytes }: NicSpec): NetConfig => ({ tap, mac, mtu: mtu_bytes });

/** Where the server reads of what kind the device is; by itself it allows only /dev/net/tun. */
const tapFlags = ({ tap }: NicSpec): LandlockConfig => ({
  path: `/sys/class/net/${tap}`,
  access: 'r',
});

/** Arguments after the program name; `-v` because only the log tells where a device is mapped. */
export function serverArguments(spec: VmSpec): string[] {
  const files = chFiles(spec.run_dir);
  return [
    ['--api-socket', `path=${files.api_path}`],
    ['--event-monitor', `path=${files.events_path}`],
    ['--log-file', files.log_path, '-v'],
    ['--seccomp', 'true'],
  ].flat();
}

/** Ordinary memory without the boot parts of the devices, which are taken from it. */
function baseBytes(spec: VmSpec): number {
  const disks = spec.disks?.length ?? 0;
  const nics = spec.nic ? 1 : 0;
  const places = spec.devices.length + disks + nics;
  if (places > CH_LIMITS.zones_per_vm) {
    const most = `Cloud Hypervisor takes at most ${CH_LIMITS.zones_per_vm} devices`;
    const beside = [disks > 0 ? `${disks} disks` : '', nics > 0 ? 'a network device' : ''];
    const given = [`${spec.devices.length}`, ...beside.filter(Boolean)].join(' and ');
    throw vmmError('HP_VMM_BAD_SPEC', `VM ${spec.id}: ${most}, not ${given}.`);
  }
  for (const path of [spec.run_dir, ...imagePaths(spec)]) {
    if (!/[,"]/.test(path)) continue;
    throw vmmError('HP_VMM_BAD_SPEC', `VM ${spec.id}: ${path} holds a comma or a quote.`);
  }
  const taken_bytes = zonesBootBytes(spec);
  const left_bytes = spec.boot_bytes - taken_bytes;
  if (left_bytes >= BASE_BYTES_MIN) return left_bytes;
  const needed_bytes = BASE_BYTES_MIN + taken_bytes;
  throw vmmError(
    'HP_VMM_BAD_SPEC',
    `VM ${spec.id}: ${spec.devices.length} devices need boot_bytes of ${formatBytes(needed_bytes)}.`,
    { details: { needed_bytes, boot_bytes: spec.boot_bytes } },
  );
}

function numaConfig(spec: VmSpec): NumaConfig[] {
  const nodes = new Map<number, string[]>();
  for (const { id, guest_node } of spec.devices) {
    const node = guest_node ?? 0;
    nodes.set(node, [...(nodes.get(node) ?? []), zoneOf(id)]);
  }
  if ([...nodes.keys()].every((node) => node === 0)) return [];
  const cpus = Array.from({ length: spec.vcpus }, (_, index) => index);
  const near = nodes.get(0) ?? [];
  nodes.delete(0);
  const farFrom = (node: number): NumaDistance[] =>
    [...nodes.keys()]
      .filter((other) => other !== node)
      .map((destination) => ({ destination, distance: FAR_NODE }));
  return [
    { guest_numa_id: 0, cpus, memory_zones: [BASE_ZONE, ...near] },
    ...[...nodes]
      .toSorted(([a], [b]) => a - b)
      .map(([guest_numa_id, memory_zones]) => ({
        guest_numa_id,
        memory_zones,
        distances: farFrom(guest_numa_id),
      })),
  ];
}
