/** Unused memory of an instance changes its tier, through the real agent: VMM, guest, records. */
import test from 'ava';
import { cedesTo } from '../../../agent/executor/free-tail.ts';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Operation } from '../../../agent/model/records.ts';
import { emulated } from '../../../agent/model/work.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { FAKE_IMAGES, type FakeHost, fakeHost } from '../../fakes/host.ts';
import { RATED } from '../core/split.ts';
import { specOf, WORK } from '../core/world.ts';

const SPEC = specOf('f', {
  mechanism: 'hotmem',
  limit_bytes: 512 * MIB,
  concurrency: 1,
  host_node: 1,
  keep_alive_ms: 8_000,
  tiers: { far_node: 2, share: null, table: RATED },
});
const node_limits = [
  { node: 1, bytes: GIB },
  { node: 2, bytes: GIB },
];

interface Host extends FakeHost {
  readonly operations: Operation[];
}

async function serving(): Promise<Host> {
  const identity = {
    kernel_variant: 'hotmem',
    kernel_key: 'k',
    rootfs_key: 'r',
    series_revision: '11',
  };
  const images = {
    imageFor: async (spec: typeof SPEC) => ({ ...(await FAKE_IMAGES.imageFor(spec)), identity }),
  };
  const host = fakeHost({}, 8 * GIB, {}, DEFAULT_POLICY, { images, bounds: { node_limits } });
  await host.clock.until(host.agent.deploy(SPEC));
  const operations: Operation[] = [];
  const records = host.agent.watch({ records: ['operation'] });
  void (async () => {
    for await (const { operation } of records) if (operation) operations.push(operation);
  })();
  return { ...host, operations };
}

async function callOften({ agent, clock }: Host, id: string): Promise<void> {
  for (let call = 0; call < 8; call += 1) {
    await clock.until(agent.invoke('f', `${id}${call}`, emulated(WORK)));
    await clock.advance(500);
  }
}

const pluggedOf = ({ hypervisor }: Host): readonly number[] =>
  (hypervisor.vms[0]?.regions ?? []).map(({ plugged_bytes }) => plugged_bytes / MIB);

const told = ({ operations }: Host): readonly string[] =>
  operations
    .filter(({ cause }) => cause === 'gain' || cause === 'cede')
    .map(({ cause, outcome, region_id, plugged_bytes }) =>
      [cause, region_id, outcome, plugged_bytes / MIB].join(' '),
    );

test('near memory is plugged and far memory given back, and explain tells of it', async (t) => {
  const host = await serving();
  const { agent, clock, hypervisor } = host;
  await callOften(host, 'a');
  t.deepEqual(pluggedOf(host), [256, 256]);
  t.deepEqual(told(host), ['gain r0 done 256', 'cede r1 done 256']);
  const [instance_id = ''] = hypervisor.vms[0]?.guest.instances.keys() ?? [];
  const why = agent.explain(instance_id);
  t.like(why, { plugged_bytes: 512 * MIB, permit_bytes: 512 * MIB, target_bytes: 512 * MIB });
  const sizes = { near_bytes: 256 * MIB, far_bytes: 256 * MIB, share: 0.5, gains: null };
  t.like(why.tiers, { ...sizes, near_plugged_bytes: 256 * MIB, far_plugged_bytes: 256 * MIB });
  t.true((why.tiers?.moved_at_ms ?? 0) > 0);
  t.like(await clock.until(agent.invoke('f', 'last', emulated(WORK))), { cold: false });
  await clock.until(agent.drain('f'));
  t.is(hypervisor.pluggedBytes(), 0);
  await clock.until(agent.stop(0));
});

test('while it changes, explain says which part gains or cedes', async (t) => {
  const host = await serving();
  const { agent, clock, hypervisor } = host;
  await clock.until(agent.invoke('f', 'first', emulated(WORK)));
  const [instance_id = ''] = hypervisor.vms[0]?.guest.instances.keys() ?? [];
  const seen = new Set<string>();
  const calls = callOften(host, 'a');
  const over = { yet: false };
  void calls.then(() => (over.yet = true));
  while (!over.yet) {
    const { next, tiers } = agent.explain(instance_id);
    if (next.includes('tier')) seen.add(`${next}, ${tiers?.gains ?? 'none'}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await calls;
  t.deepEqual(
    [...seen],
    [
      'unused memory changes its tier (r0 gains), near',
      'unused memory changes its tier (r1 cedes), none',
    ],
  );
  await clock.until(agent.stop(0));
});

test('what its guest says is in use is asked of no VMM, and near memory goes back', async (t) => {
  const host = await serving();
  const { agent, clock, hypervisor } = host;
  await clock.until(agent.invoke('f', 'first', emulated(WORK)));
  const [vm] = hypervisor.vms;
  vm?.guest.used_bytes.set(vm.regions[1]?.pci_address ?? '', 384 * MIB);
  await callOften(host, 'a');
  t.deepEqual(told(host).slice(0, 4), [
    'gain r0 done 256',
    'cede r1 refused 384',
    'gain r1 done 384',
    'cede r0 done 128',
  ]);
  t.deepEqual(pluggedOf(host), [128, 384]);
  const { error_code, reason } = host.operations.find(({ outcome }) => outcome === 'refused') ?? {};
  t.is(error_code, null);
  t.regex(reason ?? '', /in use/);
  await clock.until(agent.drain('f'));
  t.is(hypervisor.pluggedBytes(), 0);
  await clock.until(agent.stop(0));
});

test('a part cedes whole blocks of what is free at its end', (t) => {
  const order = { from_bytes: 512 * MIB, to_bytes: 256 * MIB };
  const at = (plugged: number, free: number | undefined): number => {
    const free_tail_bytes = free === undefined ? undefined : free * MIB;
    return cedesTo(order, { plugged_bytes: plugged * MIB, free_tail_bytes }) / MIB;
  };
  t.is(at(512, 256), 256);
  t.is(at(512, 400), 256);
  t.is(at(512, 200), 384);
  t.is(at(512, 100), 512);
  t.is(at(512, 0), 512);
  t.is(at(512, undefined), 256);
  t.is(cedesTo(order, undefined), 256 * MIB);
});
