/** A fault of the agent's own, wherever it shows, ends the agent once and loudly. */
import test from 'ava';
import { AssertionError } from 'node:assert';
import { waitFor } from '../../../base/wait.ts';
import type { HostAgent } from '../../../agent/executor/host-agent.ts';
import { fakeHost, type FakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

/** Makes the book untrue in a way that no event can: more plugged than granted. */
function corruptPermit(agent: HostAgent): void {
  const regions = agent.dump().vms[0]?.regions;
  if (!regions) throw new Error('the dump has regions');
  for (const region of regions) region.plugged_bytes = 1e12;
}

const PLACES: readonly {
  readonly name: string;
  readonly fire: (host: FakeHost) => Promise<unknown>;
}[] = [
  {
    name: 'a tick (the keep-alive of an idle instance)',
    fire: async ({ agent, clock }) => {
      corruptPermit(agent);
      await clock.advance(5_000);
    },
  },
  {
    name: 'a request',
    fire: async ({ agent, clock }) => {
      corruptPermit(agent);
      return await clock.until(
        agent.invoke('f', 'y', emulated(WORK)).catch((error: unknown) => error),
      );
    },
  },
  {
    name: "a VM's event",
    fire: async ({ agent, clock, hypervisor }) => {
      corruptPermit(agent);
      const [vm] = hypervisor.vms;
      const [instance] = vm?.guest.instances.keys() ?? [];
      if (instance) vm?.guest.exit(instance, 'crash');
      await clock.advance(10);
    },
  },
  {
    name: 'an assertion inside the work for a VM',
    fire: async ({ agent, clock, hypervisor }) => {
      const [vm] = hypervisor.vms;
      if (!vm) throw new Error('there is a VM');
      vm.resizeRegion = async () => {
        throw new AssertionError({ message: 'a bug of a driver' });
      };
      await clock.until(agent.drain('f').catch((error: unknown) => error));
    },
  },
  {
    name: 'an assertion in a look at the memory',
    fire: async ({ agent, clock, hypervisor }) => {
      const [vm] = hypervisor.vms;
      if (!vm) throw new Error('there is a VM');
      vm.observe = async () => {
        throw new AssertionError({ message: 'a bug of a driver' });
      };
      agent.watch({ memory_interval_ms: 20 });
      await clock.advance(100);
    },
  },
];

for (const { name, fire } of PLACES) {
  test(`${name}: one fatal line, every caller answered, VMs ended, no more decisions`, async (t) => {
    const host = fakeHost();
    const { clock, agent, hypervisor, log } = host;
    await clock.until(agent.deploy(specOf('f', { concurrency: 2, keep_alive_ms: 1_000 })));
    await clock.until(agent.invoke('f', 'x', emulated(WORK)));
    const running = agent.invoke('f', 'long', emulated({ ...WORK, wall_ms: 100_000 }));
    const told = running.catch((error: unknown) => error);
    await clock.until(agent.invoke('f', 'beside', emulated(WORK)));
    const fired = await fire(host);
    const fatal = await Promise.race([agent.fatal, clock.advance(1).then(() => null)]);
    t.like(fatal, { code: 'HP_AGENT_FATAL', category: 'failure', exit_code: 1 });
    t.like(await told, { code: 'HP_AGENT_FATAL' }, 'the waiting caller is answered');
    if (fired !== undefined) t.like(fired, { code: 'HP_AGENT_FATAL' });
    const lines = log.map((line) => JSON.parse(line)).filter((line) => line.level === 60);
    t.is(lines.length, 1, 'told once');
    t.like(lines[0], { err: { code: 'HP_AGENT_FATAL' }, state: { schema_version: 2 } });
    t.truthy(lines[0].during);
    const late = await agent.deploy(specOf('g')).catch((error: unknown) => error);
    t.like(late, { code: 'HP_AGENT_FATAL' });
    const stopped = agent.stop(0).catch((error: unknown) => error);
    const gone = (): true | null => (hypervisor.alive().length === 0 ? true : null);
    t.true(await clock.until(waitFor(gone, { clock, deadline_ms: 1_000 })));
    t.like(await stopped, { code: 'HP_AGENT_FATAL' });
  });
}

test('a fault met while the agent stops ends its VMs all the same', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f')));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  corruptPermit(agent);
  const stopped = agent.stop(0).catch((error: unknown) => error);
  await clock.advance(1_000);
  t.like(await stopped, { code: 'HP_AGENT_FATAL' });
  t.is(hypervisor.alive().length, 0);
});

test('a state that cannot even be shown keeps nobody from being told', async (t) => {
  const { clock, agent, hypervisor, log } = fakeHost();
  await clock.until(agent.deploy(specOf('f')));
  const running = agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 100_000 }));
  const told = running.catch((error: unknown) => error);
  await clock.advance(1_000);
  const regions: unknown[] | undefined = agent.dump().vms[0]?.regions;
  if (!regions) throw new Error('the dump has regions');
  regions.fill(null);
  t.throws(() => agent.dump());
  const asked = agent.drain('f').catch((error: unknown) => error);
  t.like(await Promise.race([agent.fatal, clock.advance(1)]), { code: 'HP_AGENT_FATAL' });
  t.like(await told, { code: 'HP_AGENT_FATAL' });
  t.like(await asked, { code: 'HP_AGENT_FATAL' });
  const lines = log.map((line) => JSON.parse(line)).filter((line) => line.level === 60);
  t.is(lines.length, 1);
  t.is(typeof lines[0].state.unreadable, 'string');
  const stopped = agent.stop(0).catch((error: unknown) => error);
  await clock.advance(1_000);
  t.like(await stopped, { code: 'HP_AGENT_FATAL' });
  t.is(hypervisor.alive().length, 0);
});
