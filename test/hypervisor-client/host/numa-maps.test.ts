/**
 * Goal: on which nodes of the host a region lies is told where the kernel tells it, and unknown
 * elsewhere. Method: texts as the kernel writes them, folders in place of /proc and /sys, and this
 * process itself.
 */
import test from 'ava';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KIB, MIB } from '../../../base/units.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import {
  type HostNode,
  hostNodeTrouble,
  readHostNodes,
} from '../../../hypervisor-client/host/host-nodes.ts';
import { parseNumaMaps } from '../../../hypervisor-client/host/numa-maps.ts';
import {
  asksForNodes,
  checkHostNodes,
  withNodes,
} from '../../../hypervisor-client/resize/region-nodes.ts';
import type { DeviceSpec, Region, VmSpec } from '../../../hypervisor-client/vm.ts';

const NUMA_MAPS = `55b7cae36000 default file=/usr/bin/qemu mapped=2 N0=2 kernelpagesize_kB=4
7f0000000000 bind:1 anon=512 dirty=512 N1=512 kernelpagesize_kB=4
7f0000200000 default anon=96 dirty=96 N0=64 N1=32 kernelpagesize_kB=4
7f0000400000 bind:0 huge anon=1 dirty=1 N0=1 kernelpagesize_kB=2048
7f0000600000 default
`;
const MAPS = `55b7cae36000-55b7cae38000 r-xp 00000000 fe:00 1 /usr/bin/qemu
7f0000000000-7f0000200000 rw-p 00000000 00:00 0
7f0000200000-7f0000300000 rw-p 00000000 00:00 0
7f0000400000-7f0000600000 rw-s 00000000 00:0f 2 /memfd:backend (deleted)
7f0000600000-7f0000800000 rw-p 00000000 00:00 0
`;
const range = (start: number, bytes: number) => ({ start, end: start + bytes });
const FIRST = 0x7f0000000000;

test('pages of each node are counted in the size of page that the line tells', (t) => {
  const ranges = [range(FIRST, 2 * MIB), range(FIRST + 4 * MIB, 2 * MIB)];
  t.deepEqual(parseNumaMaps(NUMA_MAPS, MAPS, ranges), [
    { nodes: [{ node: 1, bytes: 2 * MIB }], is_exact: true },
    { nodes: [{ node: 0, bytes: 2 * MIB }], is_exact: true },
  ]);
});

test('a range with pages on two nodes has both, and one without pages has none', (t) => {
  const ranges = [range(FIRST + 2 * MIB, MIB), range(FIRST + 6 * MIB, 2 * MIB)];
  t.deepEqual(parseNumaMaps(NUMA_MAPS, MAPS, ranges), [
    {
      nodes: [
        { node: 0, bytes: 256 * KIB },
        { node: 1, bytes: 128 * KIB },
      ],
      is_exact: true,
    },
    { nodes: [], is_exact: true },
  ]);
});

test('a range that shares a mapping, or is not mapped as a whole, is not exact', (t) => {
  const ranges = [range(FIRST, MIB), range(FIRST + MIB, MIB), range(FIRST + 2 * MIB, 2 * MIB)];
  const told = parseNumaMaps(NUMA_MAPS, MAPS, ranges);
  t.deepEqual(
    told.map(({ is_exact }) => is_exact),
    [false, false, false],
  );
  t.deepEqual(told[0]?.nodes, told[1]?.nodes, 'both see the nodes of the mapping');
});

const region = (id: string, resident_bytes: number, device_id = id): Region => ({
  id,
  device_id,
  partition: 0,
  max_bytes: 2 * MIB,
  requested_bytes: 0,
  plugged_bytes: 0,
  resident_bytes,
  pci_address: '',
});
const device = (id: string, regions = [id], host_node: number | null = null): DeviceSpec => ({
  id,
  guest_node: null,
  host_node,
  regions: regions.map((name) => ({ id: name, max_bytes: 2 * MIB, initial_bytes: 0 })),
});
const specOf = (devices: readonly DeviceSpec[]): VmSpec => ({
  id: 'vm',
  run_dir: '/run/vm',
  kernel_path: '/kernel',
  initrd_path: '/initrd',
  kernel_arguments: [],
  vcpus: 1,
  boot_bytes: 256 * MIB,
  devices,
  backing: 'anonymous',
  accelerator: 'auto',
});

async function procWith(
  numa_maps: string | null,
): Promise<AsyncDisposable & { readonly root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-nodes-'));
  await mkdir(join(root, '7'));
  await writeFile(join(root, '7', 'maps'), MAPS);
  if (numa_maps !== null) await writeFile(join(root, '7', 'numa_maps'), numa_maps);
  return {
    root,
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }),
  };
}

test('regions of one device are told where the device lies on one node, else unknown', async (t) => {
  await using proc = await procWith(NUMA_MAPS);
  const spec = specOf([device('d0', ['a', 'b']), device('d1', ['c', 'd']), device('e')]);
  const backings = [
    range(FIRST, 2 * MIB),
    range(FIRST + 2 * MIB, MIB),
    range(FIRST + 4 * MIB, 2 * MIB),
  ];
  const regions = [
    region('a', MIB, 'd0'),
    region('b', 0, 'd0'),
    region('c', 384 * KIB, 'd1'),
    region('d', 0, 'd1'),
    region('e', 2 * MIB),
  ];
  const told = withNodes({ spec, pid: 7, proc_root: proc.root, backings }, regions);
  t.deepEqual(
    told.map(({ node_bytes }) => node_bytes),
    [[{ node: 1, bytes: MIB }], [], undefined, [], [{ node: 0, bytes: 2 * MIB }]],
  );
});

test('nothing is told where the kernel has no numa_maps: unknown is not 0', async (t) => {
  await using proc = await procWith(null);
  const vm = { spec: specOf([device('a')]), pid: 7, proc_root: proc.root };
  const [told] = withNodes({ ...vm, backings: [range(FIRST, 2 * MIB)] }, [region('a', MIB)]);
  t.false(told !== undefined && 'node_bytes' in told);
});

const node = (number: number, total_bytes: number | null = 2048 * MIB): HostNode => ({
  node: number,
  total_bytes,
  free_bytes: null,
  has_cpus: number === 0,
  distances: [],
});

test('memory is refused on a node that the host does not have, or that has none', (t) => {
  const nodes = [node(0), node(1), node(2, 0)];
  t.is(hostNodeTrouble(1, nodes), null);
  t.is(hostNodeTrouble(2, nodes), 'host node 2 has no memory');
  t.is(hostNodeTrouble(5, nodes), 'there is no host node 5: this host has nodes 0, 1, 2');
  t.is(hostNodeTrouble(1, [node(0)]), 'there is no host node 1: this host has node 0 alone');
  t.regex(hostNodeTrouble(0, []) ?? '', /tells no NUMA nodes/);
  const bound = specOf([device('a', ['a'], 0), device('b', ['b'], 3)]);
  const error = t.throws(() => checkHostNodes(bound, null, () => nodes));
  t.true(hasCode(error, 'HP_VMM_NO_HOST_NODE'));
  t.is(error.message, 'VM vm: there is no host node 3: this host has nodes 0, 1, 2.');
  t.notThrows(() => checkHostNodes(specOf([device('a')]), null, () => []));
  t.throws(() => checkHostNodes(specOf([device('a')]), 2, () => nodes));
});

test('nodes are looked at where there are several, or where one was asked for', (t) => {
  const plain = specOf([device('a')]);
  t.false(asksForNodes(plain, null, () => [node(0)]));
  t.true(asksForNodes(plain, 0, () => [node(0)]));
  t.true(asksForNodes(plain, null, () => [node(0), node(1)]));
  t.true(asksForNodes(specOf([device('a', ['a'], 0)]), null, () => [node(0)]));
});

test('nodes of a host are read with their memory and distances; what is not told is null', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-sys-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const dir = join(root, 'devices', 'system', 'node');
  const meminfo = 'Node 10 MemTotal:  2048 kB\nNode 10 MemFree:   1024 kB\n';
  await mkdir(join(dir, 'node10'), { recursive: true });
  await mkdir(join(dir, 'node2'));
  await writeFile(join(dir, 'online'), '2,10\n');
  await writeFile(join(dir, 'node10', 'meminfo'), meminfo);
  await writeFile(join(dir, 'node10', 'cpulist'), '\n');
  await writeFile(join(dir, 'node10', 'distance'), '20 10\n');
  t.deepEqual(readHostNodes(root), [
    { node: 2, total_bytes: null, free_bytes: null, has_cpus: false, distances: [] },
    {
      node: 10,
      total_bytes: 2 * MIB,
      free_bytes: MIB,
      has_cpus: false,
      distances: [20, 10],
    },
  ]);
  t.deepEqual(readHostNodes(join(root, 'nowhere')), []);
});
