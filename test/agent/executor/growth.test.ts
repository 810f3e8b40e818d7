/** Memory that follows its use, through the real agent, over a simulated VMM and guest. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { Operation } from '../../../agent/model/records.ts';
import { emulated, type Work } from '../../../agent/model/work.ts';
import { NO_FAULTS, type FakeFaults } from '../../../agent/testing/fake-hypervisor.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const WAIT_MS = 2_000;
const SPEC = specOf('f', {
  mechanism: 'hotmem',
  limit_bytes: GIB,
  keep_alive_ms: 60_000,
  memory: {
    baseline_bytes: 128 * MIB,
    increment_bytes: 64 * MIB,
    history: false,
    grow_wait_ms: WAIT_MS,
    expression: null,
  },
});
/** Loads, keeps a quarter, and ends: 600 MiB at its most. */
const PHASES: Work = {
  ...WORK,
  anonymous_bytes: 100 * MIB,
  wall_ms: 20_000,
  phases: [
    { at_ms: 1_000, anonymous_bytes: 600 * MIB },
    { at_ms: 5_000, anonymous_bytes: 150 * MIB },
  ],
};

interface Seen extends FakeHost {
  readonly operations: Operation[];
}

async function elastic(
  free_bytes: number = 8 * GIB,
  faults: Partial<FakeFaults> = {},
  policy: Policy = HISTORY_POLICY,
): Promise<Seen> {
  const host = fakeHost({ ...NO_FAULTS, ...faults }, free_bytes, {}, policy);
  await host.clock.until(host.agent.deploy(SPEC));
  const operations: Operation[] = [];
  const records = host.agent.watch({ records: ['operation'] });
  const collect = async (): Promise<void> => {
    for await (const { operation } of records) if (operation) operations.push(operation);
  };
  void collect();
  return { ...host, operations };
}

test('an invocation grows and shrinks while it runs, and every change is an operation', async (t) => {
  const { clock, agent, hypervisor, operations } = await elastic();
  const reply = agent.invoke('f', 'one', emulated(PHASES));
  await clock.advance(4_000);
  t.is(hypervisor.pluggedBytes(), 640 * MIB);
  await clock.advance(14_000);
  t.is(hypervisor.pluggedBytes(), 192 * MIB);
  t.like(await clock.until(reply), { outcome: 'done' });
  const causes = operations.map(({ cause, outcome }) => `${cause} ${outcome}`);
  t.deepEqual([...new Set(causes)], ['start done', 'grow done', 'shrink done']);
  const plugged = operations.map(({ requested_bytes }) => requested_bytes / MIB);
  t.is(plugged[0], 128);
  const grown = operations.filter(({ cause }) => cause === 'grow');
  for (const { wanted_at_ms, heard_at_ms, decided_at_ms, requested_at_ms } of grown) {
    const stamps = [wanted_at_ms, heard_at_ms, decided_at_ms, requested_at_ms];
    t.deepEqual(
      stamps,
      stamps.toSorted((a, b) => (a ?? NaN) - (b ?? NaN)),
    );
    t.false(stamps.includes(null), 'said, heard, decided and sent are known of every growth');
  }
  t.is(Math.max(...plugged), 640);
  await clock.until(agent.stop(0));
});

test('growth without a permit fails the invocation with its numbers, within the bound', async (t) => {
  const { clock, agent, hypervisor, operations } = await elastic(256 * MIB + GIB);
  const full = specOf('g', { mechanism: 'static', limit_bytes: 384 * MIB, concurrency: 1 });
  const reply = agent.invoke('f', 'one', emulated(PHASES));
  await clock.advance(500);
  await clock.until(agent.deploy(full));
  await clock.advance(1_000 + WAIT_MS + 500);
  t.true(hypervisor.vms[0]?.guest.seen.includes('deny'));
  t.like(await clock.until(reply), {
    outcome: 'failed',
    failure: {
      code: 'HP_AGENT_GROWTH_DENIED',
      details: { plugged_bytes: 384 * MIB, cause: 'HP_AGENT_NO_MEMORY' },
    },
  });
  const last = operations.findLast(
    ({ cause, outcome }) => cause === 'grow' && outcome === 'refused',
  );
  t.is(last?.error_code, 'HP_AGENT_GROWTH_DENIED');
  await clock.until(agent.drain('f'));
  t.is(hypervisor.pluggedBytes(), 384 * MIB, 'all of it is back');
  await clock.until(agent.stop(0));
});

test('a VMM that never plugs ends one invocation, and the function serves on', async (t) => {
  let is_stuck = false;
  const resize = (kind: 'plug' | 'unplug') => (is_stuck && kind === 'plug' ? 'slow' : 'none');
  const { clock, agent } = await elastic(8 * GIB, { resize });
  const reply = agent.invoke('f', 'one', emulated(PHASES));
  await clock.advance(500);
  is_stuck = true;
  await clock.advance(1_000 + WAIT_MS);
  const failed = await clock.until(reply);
  t.like(failed, { outcome: 'failed', failure: { code: 'HP_AGENT_GROWTH_DENIED' } });
  is_stuck = false;
  const small = { ...WORK, wall_ms: 1 };
  t.like(await clock.until(agent.invoke('f', 'two', emulated(small))), { outcome: 'done' });
  await clock.until(agent.stop(0));
});

const slowUnplug = (kind: 'plug' | 'unplug') => (kind === 'unplug' ? 'slow' : 'none');

test('a shrink that does not get there keeps nobody waiting who needs memory again', async (t) => {
  const { clock, agent, operations } = await elastic(8 * GIB, { resize: slowUnplug });
  const again = { at_ms: 6_500, anonymous_bytes: 700 * MIB };
  const work: Work = { ...PHASES, phases: [...(PHASES.phases ?? []), again] };
  const reply = agent.invoke('f', 'one', emulated(work));
  await clock.advance(6_000);
  const shrinking = [...agent.state.operations.values()];
  t.deepEqual(
    shrinking.map(({ cause }) => cause),
    ['shrink'],
  );
  t.like(await clock.until(reply), { outcome: 'done' });
  const cut = operations.find(({ id }) => id === shrinking[0]?.id);
  t.like(cut, { cause: 'shrink', plugged_bytes: 640 * MIB });
  const growth = operations.findLast(({ cause }) => cause === 'grow');
  t.like(growth, { outcome: 'done', requested_bytes: 704 * MIB });
  const waited_ms = (growth?.requested_at_ms ?? Number.NaN) - (growth?.heard_at_ms ?? Number.NaN);
  t.true(waited_ms < 100, `${waited_ms} ms from its want to its growth`);
  await clock.until(agent.stop(0));
});

test('a guest that speaks ten thousand times a second is heard two hundred times, and a burst', async (t) => {
  let heard = 0;
  const policy: Policy = {
    ...HISTORY_POLICY,
    learn: (memory, event, now_ms, ...known) => {
      if (event.type === 'usage') heard += 1;
      return HISTORY_POLICY.learn?.(memory, event, now_ms, ...known);
    },
  };
  const { clock, agent, hypervisor } = await elastic(8 * GIB, {}, policy);
  const reply = agent.invoke('f', 'one', emulated({ ...PHASES, phases: [] }));
  await clock.advance(1_000);
  heard = 0;
  const [vm] = hypervisor.alive();
  const region_pci = '0000:00:10.0';
  const [instance = ''] = vm?.guest.instances.keys() ?? [];
  const lie = { plugged_bytes: 128 * MIB, used_bytes: 128 * MIB, free_tail_bytes: 0 };
  for (let ms = 0; ms < 1_000; ms += 1) {
    for (let word = 0; word < 10; word += 1) {
      const told = { ...lie, want_bytes: 64 * GIB };
      vm?.guest.say({ type: 'memory', instance, region_pci, ...told, at_ms: ms });
    }
    await clock.advance(1);
  }
  t.true(heard > 0 && heard <= 201 + AGENT_LIMITS.usage_burst, `${heard} words`);
  t.is(hypervisor.pluggedBytes(), GIB, 'and gets no more than its limit');
  await clock.until(reply.catch(() => null));
  await clock.until(agent.stop(0));
});

test('what is said of no region, or of another instance, changes nothing', async (t) => {
  const { clock, agent, hypervisor } = await elastic();
  const reply = agent.invoke('f', 'one', emulated({ ...PHASES, phases: [] }));
  await clock.advance(1_000);
  const [vm] = hypervisor.alive();
  const sizes = { plugged_bytes: 1, used_bytes: 1, free_tail_bytes: 0, want_bytes: GIB };
  const word = { type: 'memory', at_ms: 1, ...sizes };
  vm?.guest.say({ ...word, instance: 'i1', region_pci: 'nowhere' });
  vm?.guest.say({ ...word, instance: 'another', region_pci: '0000:00:10.0' });
  await clock.advance(1_000);
  t.is(hypervisor.pluggedBytes(), 128 * MIB);
  t.like(await clock.until(reply), { outcome: 'done' });
  await clock.until(agent.stop(0));
});

test('status and explain tell what an instance has, why, and what comes next', async (t) => {
  const { clock, agent } = await elastic(256 * MIB + GIB);
  const full = specOf('g', { mechanism: 'static', limit_bytes: 384 * MIB, concurrency: 1 });
  // First: how long a deploy takes on this clock depends on the disk of the host.
  await clock.until(agent.deploy(full));
  const reply = agent.invoke('f', 'one', emulated(PHASES));
  await clock.advance(500);
  const instance_id = agent.dump().vms[0]?.instances[0]?.id ?? '';
  t.like(agent.explain(instance_id), {
    because: 'the function declares it',
    policy: 'history',
    baseline_bytes: 128 * MIB,
    plugged_bytes: 128 * MIB,
    max_bytes: GIB,
    used_bytes: 100 * MIB,
    free_tail_bytes: 28 * MIB,
    want_bytes: null,
    changes: [{ cause: 'start', outcome: 'done', to_bytes: 128 * MIB }],
  });
  await clock.advance(1_000);
  const waiting = agent.explain(instance_id);
  t.is(waiting.want_bytes, 216 * MIB, 'it got what there was');
  t.like(waiting.changes.at(-1), { cause: 'grow', outcome: 'refused' });
  t.regex(waiting.next, /waits for growth .*granted already/);
  t.true((waiting.next_at_ms ?? 0) - waiting.now_ms <= WAIT_MS);
  const [fn] = (await clock.until(agent.status('f'))).functions;
  t.like(fn?.memory, { baseline_bytes: 128 * MIB, max_bytes: GIB, instances: 1, waiting: 1 });
  await clock.until(reply);
  t.throws(() => agent.explain('i999'), { message: /no instance 'i999'/ });
  const [, other] = (await clock.until(agent.status(''))).functions;
  t.is(other?.memory, null);
  await clock.until(agent.stop(0));
});
