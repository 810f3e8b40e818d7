/** An instance on two nodes of the host, through the real agent: VMM, guest, and what is told. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { emulated } from '../../../agent/model/work.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { FAKE_IMAGES, type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const SHARE = { far_node: 2, share: 0.25, table: null } as const;
const SIZES = { limit_bytes: 512 * MIB, concurrency: 1, host_node: 1 } as const;
const node_limits = [
  { node: 1, bytes: GIB },
  { node: 2, bytes: GIB },
];

function hostOf(series_revision: string): FakeHost {
  const identity = { kernel_variant: 'hotmem', kernel_key: 'k', rootfs_key: 'r', series_revision };
  const images = {
    imageFor: async (spec: ReturnType<typeof specOf>) => ({
      ...(await FAKE_IMAGES.imageFor(spec)),
      identity,
    }),
  };
  return fakeHost({}, 8 * GIB, {}, DEFAULT_POLICY, { images, bounds: { node_limits } });
}

for (const [mechanism, guest_nodes] of [
  ['numa', [1, 2]],
  ['hotmem', [null, null]],
] as const) {
  test(`${mechanism}: each region is of its node, the guest has both, and both are told`, async (t) => {
    const { agent, clock, hypervisor } = hostOf('11');
    await clock.until(agent.deploy(specOf('f', { mechanism, ...SIZES, tiers: SHARE })));
    const [vm] = hypervisor.vms;
    const devices = vm?.handle.spec.devices ?? [];
    t.deepEqual(
      devices.map(({ host_node }) => host_node),
      [1, 2],
    );
    t.deepEqual(
      devices.map(({ guest_node }) => guest_node),
      guest_nodes,
    );
    t.deepEqual(
      vm?.regions.map(({ max_bytes }) => max_bytes / MIB),
      [128, 384],
    );
    t.like(await clock.until(agent.invoke('f', 'one', emulated(WORK))), { outcome: 'done' });
    const [[instance_id, of_guest] = []] = vm?.guest.instances ?? [];
    t.deepEqual(
      of_guest?.regions,
      vm?.regions.map(({ pci_address }) => pci_address),
    );
    const told = agent.explain(instance_id ?? '');
    t.like(told, { plugged_bytes: 512 * MIB, permit_bytes: 512 * MIB, host_node: 1 });
    t.like(told.tiers, { region_id: 'r1', host_node: 2, far_plugged_bytes: 384 * MIB });
    const { functions } = await clock.until(agent.status('f'));
    const regions = functions[0]?.regions.map((one) => [one.instance_id, one.host_node]);
    t.deepEqual(regions, [
      [instance_id, 1],
      [instance_id, 2],
    ]);
    await clock.until(agent.drain('f'));
    t.is(hypervisor.pluggedBytes(), 0);
    await clock.until(agent.stop(0));
  });
}

test('hotmem: a kernel of an earlier series is refused, and its VM ends', async (t) => {
  const { agent, clock, hypervisor } = hostOf('10');
  const deploying = agent.deploy(specOf('f', { mechanism: 'hotmem', ...SIZES, tiers: SHARE }));
  await t.throwsAsync(clock.until(deploying), { message: /two tiers: .* two partitions takes 11/ });
  await clock.advance(1_000);
  t.deepEqual(hypervisor.alive(), []);
  t.is(agent.grantedBytes(), 0);
  await clock.until(agent.stop(0));
});

for (const mechanism of ['numa', 'hotmem']) {
  for (const [share, node] of [
    [0, 2],
    [1, 1],
  ] as const) {
    test(`${mechanism}: all of it on node ${node} is one region of an old kernel`, async (t) => {
      const { agent, clock, hypervisor } = hostOf('7');
      const tiers = { ...SHARE, share };
      await clock.until(agent.deploy(specOf('f', { mechanism, ...SIZES, tiers })));
      const [vm] = hypervisor.vms;
      t.deepEqual(
        vm?.handle.spec.devices.map(({ host_node }) => host_node),
        [node],
      );
      t.is(vm?.regions[0]?.max_bytes, 512 * MIB);
      t.like(await clock.until(agent.invoke('f', 'one', emulated(WORK))), { outcome: 'done' });
      const [[instance_id, of_guest] = []] = vm?.guest.instances ?? [];
      t.is(of_guest?.regions.length, 1, 'its guest hears of no other');
      const told = agent.explain(instance_id ?? '');
      t.like(told, { plugged_bytes: 512 * MIB, host_node: node, tiers: null });
      await clock.until(agent.stop(0));
    });
  }
}
