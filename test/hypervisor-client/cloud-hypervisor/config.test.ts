/**
 * Goal: what Cloud Hypervisor is told of a VM beside its sizes.
 * Method: specifications in, configurations out.
 */
import test from 'ava';
import { MIB } from '../../../base/units.ts';
import { vmConfig } from '../../../hypervisor-client/cloud-hypervisor/driver/config.ts';
import type { NumaConfig } from '../../../hypervisor-client/cloud-hypervisor/types/index.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import type { VmSpec } from '../../../hypervisor-client/vm.ts';

const SPEC: VmSpec = {
  id: 'vm',
  run_dir: '/run/vm',
  kernel_path: '/kernel',
  initrd_path: '/initrd',
  kernel_arguments: [],
  vcpus: 2,
  boot_bytes: 512 * MIB,
  devices: [],
  backing: 'anonymous',
  accelerator: 'kvm',
};

test("a device's node of the host is that of its zone, the driver's of all other zones", (t) => {
  const devices = [null, 1].map((host_node, index) => ({
    ...deviceOf({ id: `r${index}`, max_bytes: 128 * MIB, initial_bytes: 0 }),
    host_node,
  }));
  const nodesOf = (host_numa_node: number | null) =>
    vmConfig({ ...SPEC, devices }, { landlock: false, host_numa_node }).memory?.zones?.map(
      (zone) => zone.host_numa_node,
    );
  t.deepEqual(nodesOf(null), [undefined, undefined, 1]);
  t.deepEqual(nodesOf(0), [0, 0, 1]);
});

function numaOf(nodes: readonly number[]): readonly NumaConfig[] {
  const devices = nodes.map((node, index) =>
    deviceOf({ id: `r${index}`, max_bytes: 128 * MIB, initial_bytes: 0 }, node),
  );
  const config = vmConfig({ ...SPEC, devices }, { landlock: false, host_numa_node: null });
  return config.numa ?? [];
}

test('from a node of regions node 0 is nearer than every other one', (t) => {
  t.deepEqual(
    numaOf([1, 2, 3]).map(({ guest_numa_id, distances }) => [guest_numa_id, distances]),
    [
      // What is not told is 20.
      [0, undefined],
      ...[
        [1, 2, 3],
        [2, 1, 3],
        [3, 1, 2],
      ].map(([node, ...others]) => [
        node,
        others.map((destination) => ({ destination, distance: 40 })),
      ]),
    ],
  );
});

const rulesOf = (spec: VmSpec, landlock: boolean) =>
  vmConfig(spec, { landlock, host_numa_node: null }).landlock_rules;

test('a confined server may read of what kind its network device is, and of no other', (t) => {
  const nic = { tap: 'hp0', mac: '02:00:0a:4d:08:10', mtu_bytes: 1_400 };
  t.deepEqual(rulesOf({ ...SPEC, nic }, true), [{ path: '/sys/class/net/hp0', access: 'r' }]);
  t.is(rulesOf({ ...SPEC, nic }, false), undefined);
  t.is(rulesOf(SPEC, true), undefined);
});
