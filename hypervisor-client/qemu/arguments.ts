/** The command line of QEMU for a VM specification. Pure. */
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { formatBytes, MIB } from '../../base/units.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { vmmError } from '../errors.ts';
import { FAR_NODE, NEAR_NODE, nodeBootBytes } from '../host/guest-node.ts';
import { deviceBytes, deviceInitialBytes, devicesBytes } from '../spec.ts';
import type { Accelerator, DeviceSpec, DiskSpec, NicSpec, VmSpec } from '../vm.ts';
import { type AccessPlugin, accessArguments } from './accesses.ts';
import {
  backendIdOf,
  BOOT_BACKEND,
  DEVICES_MAX,
  DISK_SLOT,
  NIC_SLOT,
  objectIdOf,
  pciPlaceOf,
  qemuFiles,
} from './layout.ts';
import { QEMU_MACHINES } from './machines.ts';

/** What must be left of `boot_bytes` for node 0, where the kernel lives. */
const NODE_ZERO_BYTES_MIN = 64 * MIB;

const BACKENDS: Readonly<Record<VmSpec['backing'], string>> = {
  anonymous: 'memory-backend-ram',
  memfd: 'memory-backend-memfd',
  huge: 'memory-backend-memfd,hugetlb=on,hugetlbsize=2M',
};

const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** What the arguments depend on beside the VM: both of the host's QEMU. */
export interface QemuHost {
  readonly accelerator: Accelerator;
  /** Its version, `7.2.22`; of use under TCG only. */
  readonly version: string;
  /** Of the guest. Default: x86-64. */
  readonly arch?: GuestArch;
  /** Of the host: where all memory comes from that has no node of its own. Default: any. */
  readonly host_node?: number | null;
  /** Counts accesses of the guest, under TCG. Default: nobody counts. */
  readonly accesses?: AccessPlugin | null;
}

/** Arguments after the program name. Throws HP_VMM_BAD_SPEC for what only QEMU minds. */
export function qemuArguments(spec: VmSpec, host: QemuHost): string[] {
  if (spec.devices.length > DEVICES_MAX) {
    const what = `QEMU takes at most ${DEVICES_MAX} devices, not ${spec.devices.length}`;
    throw vmmError('HP_VMM_BAD_SPEC', `VM ${spec.id}: ${what}.`);
  }
  const files = qemuFiles(spec.run_dir);
  const { machine, console, kernel_arguments } = QEMU_MACHINES[host.arch ?? DEFAULT_ARCH];
  const appended = [`console=${console}`, ...kernel_arguments, ...spec.kernel_arguments];
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ['-sandbox', SANDBOX],
    ['-name', `${spec.id},debug-threads=on`],
    ['-machine', isBoundAlone(spec, host) ? `${machine},memory-backend=${BOOT_BACKEND}` : machine],
    acceleratorArguments(host),
    host.accesses
      ? accessArguments(host.accesses, files.counts_path, spec.boot_bytes + devicesBytes(spec))
      : [],
    ['-smp', `${spec.vcpus}`],
    memoryArguments(spec, host),
    ['-kernel', spec.kernel_path, '-initrd', spec.initrd_path],
    ['-append', appended.join(' ')],
    ['-chardev', `file,id=console,path=${quote(files.console_path)},append=on`],
    ['-serial', 'chardev:console'],
    ['-qmp', `unix:${quote(files.qmp_path)},server=on,wait=off`],
    ['-chardev', `socket,id=channel,path=${quote(files.channel_path)},server=on,wait=off`],
    ['-device', 'virtio-serial-pci,id=serial,bus=pcie.0,addr=0x1'],
    ['-device', `virtserialport,bus=serial.0,chardev=channel,name=${PROTOCOL.serial_port}`],
    ['-device', 'pvpanic-pci,bus=pcie.0,addr=0x2'],
    ...spec.devices.map((device, index) => deviceArguments(spec, device, index, host)),
    ...(spec.disks ?? []).map(diskArguments),
    spec.nic ? nicArguments(spec.nic) : [],
  ].flat();
}

function acceleratorArguments({ accelerator, version, arch }: QemuHost): string[] {
  const { emulatedCpu } = QEMU_MACHINES[arch ?? DEFAULT_ARCH];
  return accelerator === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi', '-cpu', emulatedCpu(version)];
}

/**
 * Whether boot memory is an object of its own, and no guest node's: one that is bound, or whose
 * accesses are counted, for it has to be the first of all blocks then.
 */
const isBoundAlone = (spec: VmSpec, { host_node = null, accesses = null }: QemuHost): boolean =>
  (host_node !== null || accesses !== null) &&
  spec.devices.every(({ guest_node }) => guest_node === null);

/** Properties of a memory backend whose pages come from that node of the host alone. */
const boundTo = (host_node: number | null | undefined): string =>
  host_node === null || host_node === undefined ? '' : `,host-nodes=${host_node},policy=bind`;

function memoryArguments(spec: VmSpec, host: QemuHost): string[] {
  const regions_bytes = devicesBytes(spec);
  const boot = `${spec.boot_bytes / MIB}M`;
  const sizes = regions_bytes === 0 ? boot : `${boot},maxmem=${spec.boot_bytes + regions_bytes}`;
  const object = `memory-backend-ram,id=${BOOT_BACKEND},size=${spec.boot_bytes}`;
  return [
    '-m',
    sizes,
    ...(isBoundAlone(spec, host) ? ['-object', object + boundTo(host.host_node)] : []),
    ...nodeArguments(spec, host),
  ];
}

/**
 * Node 0 has the CPUs and most boot memory; each node up to the highest one used has a little. QEMU
 * describes a node to the guest only when it has boot memory or a CPU; without it all regions land
 * on one node.
 */
function nodeArguments(spec: VmSpec, host: QemuHost): string[] {
  const highest = Math.max(0, ...spec.devices.map((device) => device.guest_node ?? 0));
  if (highest === 0) return [];
  const others = Array.from({ length: highest }, (_, index) => bootBytesOf(spec, index + 1));
  const others_bytes = others.reduce((sum, bytes) => sum + bytes, 0);
  const zero_bytes = spec.boot_bytes - others_bytes;
  if (zero_bytes < NODE_ZERO_BYTES_MIN) {
    const needed_bytes = NODE_ZERO_BYTES_MIN + others_bytes;
    throw vmmError(
      'HP_VMM_BAD_SPEC',
      `VM ${spec.id}: ${highest} guest nodes need boot_bytes of ${formatBytes(needed_bytes)}.`,
      { details: { needed_bytes, boot_bytes: spec.boot_bytes } },
    );
  }
  const nodes = [zero_bytes, ...others].flatMap((bytes, node) => [
    '-object',
    `memory-backend-ram,id=boot-${node},size=${bytes}${boundTo(host.host_node)}`,
    '-numa',
    `node,nodeid=${node},memdev=boot-${node}${node === 0 ? cpus(spec) : ''}`,
  ]);
  return [...nodes, ...distanceArguments(highest)];
}

/** Of every two nodes: QEMU takes all or none, and each counts for both ways. */
function distanceArguments(highest: number): string[] {
  if (highest < 2) return [];
  return Array.from({ length: highest }, (_, index) => index + 1).flatMap((to) =>
    Array.from({ length: to }, (_, from) => [
      '-numa',
      `dist,src=${from},dst=${to},val=${from === 0 ? NEAR_NODE : FAR_NODE}`,
    ]).flat(),
  );
}

function bootBytesOf({ devices }: VmSpec, node: number): number {
  const own = devices.filter(({ guest_node }) => guest_node === node);
  return nodeBootBytes(own.reduce((sum, device) => sum + deviceBytes(device), 0));
}

const cpus = (spec: VmSpec): string => `,cpus=0-${spec.vcpus - 1}`;

/**
 * Whether QEMU takes pages of the host at the plug, which fails without them. Of huge ones always:
 * at the touch it would be killed for want of one.
 */
export const takesAtPlug = ({ backing, populate }: Pick<VmSpec, 'backing' | 'populate'>): boolean =>
  backing === 'huge' || populate === true;

function deviceArguments(
  { backing, populate = false }: VmSpec,
  device: DeviceSpec,
  index: number,
  host: QemuHost,
): string[] {
  const place = pciPlaceOf(index);
  const id = backendIdOf(device.id);
  const properties = [
    `virtio-mem-pci,id=${objectIdOf(device.id)}`,
    `memdev=${id}`,
    `requested-size=${deviceInitialBytes(device)}`,
    `bus=pcie.0,addr=0x${place.slot.toString(16)}.${place.function},multifunction=on`,
    ...(device.guest_node === null ? [] : [`node=${device.guest_node}`]),
    ...(takesAtPlug({ backing, populate }) ? ['prealloc=on'] : []),
  ];
  return [
    '-object',
    `${BACKENDS[backing]},id=${id},size=${deviceBytes(device)},prealloc=off,reserve=off` +
      boundTo(device.host_node ?? host.host_node),
    '-device',
    properties.join(','),
  ];
}

function diskArguments({ serial, path }: DiskSpec, index: number): string[] {
  const node = `disk-${index}`;
  const file = `file.driver=file,file.filename=${quote(path)}`;
  return [
    '-blockdev',
    `driver=raw,node-name=${node},read-only=on,${file}`,
    '-device',
    `virtio-blk-pci,drive=${node},serial=${serial},` +
      `bus=pcie.0,addr=0x${DISK_SLOT.toString(16)}.${index},multifunction=on`,
  ];
}

/** No program of the host is run for it, and no firmware is loaded that would boot from it. */
function nicArguments({ tap, mac, mtu_bytes }: NicSpec): string[] {
  return [
    '-netdev',
    `tap,id=nic,ifname=${tap},script=no,downscript=no,vhost=off`,
    '-device',
    `virtio-net-pci,netdev=nic,mac=${mac},host_mtu=${mtu_bytes},romfile=,` +
      `bus=pcie.0,addr=0x${NIC_SLOT.toString(16)}`,
  ];
}

/** QEMU ends a value at a comma; a doubled one is a comma. */
const quote = (value: string): string => value.replaceAll(',', ',,');
