/** Agents that leave their VMs to the next one: asked to, or because nothing can be written. */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { earlierState } from '../../../agent/adopt/earlier.ts';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import { emulated } from '../../../agent/model/work.ts';
import { StateFile } from '../../../agent/store/state-file.ts';
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../../base/clock.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { GIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const SPEC = specOf('a', { mechanism: 'hotmem', keep_alive_ms: 600_000 });

interface Rig {
  readonly hypervisor: FakeHypervisor;
  readonly start: () => Promise<{ readonly agent: HostAgent; readonly store: StateFile }>;
}

async function rigFor(t: ExecutionContext): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-released-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const hypervisor = new FakeHypervisor(hostClock);
  const path = join(folder, 'state.db');
  const start: Rig['start'] = async () => {
    const store = await StateFile.open(path);
    const facts = { path, host_limit_bytes: 4 * GIB, facts: {}, first_id: 1 };
    const state = earlierState(store, facts);
    const vms = new Map(
      hypervisor.alive().map((vm) => {
        return [vm.id, { takeUp: () => hypervisor.adopt(vm.handle), end: () => vm.shutdown() }];
      }),
    );
    const agent = new HostAgent({
      clock: hostClock,
      hypervisor,
      images: FAKE_IMAGES,
      log: pino({ level: 'silent' }),
      host_limit_bytes: 4 * GIB,
      vms_dir: join(folder, 'vms'),
      version: 'test',
      store,
      ...(state ? { earlier: { state, vms } } : {}),
    });
    return { agent, store };
  };
  return { hypervisor, start };
}

test('what an agent leaves goes on under the next one: the warm instance serves', async (t) => {
  const { hypervisor, start } = await rigFor(t);
  const first = await start();
  await first.agent.deploy(SPEC);
  const before = await first.agent.invoke('a', 'c1', emulated(WORK));
  await first.agent.release();
  first.store.close();
  t.is(hypervisor.alive().length, 1, 'its VM lives');
  const { agent, store } = await start();
  const after = await agent.invoke('a', 'c2', emulated(WORK));
  t.is(after.outcome, 'done');
  t.false(after.cold);
  t.is(after.instance_id, before.instance_id);
  await agent.stop(1_000);
  store.close();
  t.deepEqual(hypervisor.alive(), []);
});

test('a drained host stays drained for the next agent, and its functions come back there', async (t) => {
  const { hypervisor, start } = await rigFor(t);
  const first = await start();
  await first.agent.deploy(SPEC);
  const asked = { drain: true, author: 'ada', reason: 'firmware' };
  await first.agent.operator.cordon(asked);
  const drained = async () =>
    first.agent.operator.host().availability === 'drained' ? true : null;
  await waitFor(drained, { clock: hostClock, deadline_ms: 30_000 });
  t.deepEqual(hypervisor.alive(), []);
  await first.agent.stop(1_000);
  first.store.close();
  const { agent, store } = await start();
  t.like(agent.operator.host().cordon, { availability: 'drained', author: 'ada' });
  t.like(await agent.invoke('a', 'c1', emulated(WORK)), {
    failure: { code: 'HP_AGENT_HOST_CORDONED' },
  });
  await agent.operator.uncordon({ author: 'ada', reason: '' });
  t.like(await agent.invoke('a', 'c2', emulated(WORK)), { outcome: 'done' });
  await agent.stop(1_000);
  store.close();
});

test('a cordon of a host without functions is there for the next agent', async (t) => {
  const { start } = await rigFor(t);
  const first = await start();
  await first.agent.operator.cordon({ drain: false, author: 'ada', reason: '' });
  await first.agent.release();
  first.store.close();
  const { agent, store } = await start();
  t.is(agent.operator.host().availability, 'cordoned');
  await agent.stop(0);
  store.close();
});

test('an agent whose state cannot be written ends with that, and leaves its VMs', async (t) => {
  const { hypervisor, start } = await rigFor(t);
  const first = await start();
  await first.agent.deploy(SPEC);
  first.store.close();
  const call = await t.throwsAsync(first.agent.invoke('a', 'c1', emulated(WORK)));
  t.true(isHotplaneError(call), 'its caller is told');
  const end = await t.throwsAsync(first.agent.stop(1_000));
  t.is(isHotplaneError(end) ? end.code : String(end), 'HP_AGENT_STATE_LOST');
  t.is(hypervisor.alive().length, 1, 'its VM lives');
  const { agent, store } = await start();
  t.is((await agent.invoke('a', 'c2', emulated(WORK))).outcome, 'done');
  await agent.stop(1_000);
  store.close();
});
