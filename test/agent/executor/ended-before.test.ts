/** What callers see of a call that is on its way to a program which has ended by then. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

test('a call on its way to an instance that ended by itself is served by a new one', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  t.teardown(() => agent.close());
  await clock.until(agent.deploy(specOf('f', { mechanism: 'hotmem' })));
  const first = await clock.until(agent.invoke('f', 'one', emulated(WORK)));
  const second = agent.invoke('f', 'two', emulated(WORK));
  await clock.advance(1);
  const [vm] = hypervisor.alive();
  vm?.guest.exit(first.instance_id ?? '', 'exited');
  const record = await clock.until(second);
  t.like(record, { outcome: 'done', cold: true, failure: null });
  t.not(record.instance_id, first.instance_id);
});

test('a call that its program got fails with the end of that', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  t.teardown(() => agent.close());
  await clock.until(agent.deploy(specOf('f', { mechanism: 'hotmem' })));
  const first = await clock.until(agent.invoke('f', 'one', emulated(WORK)));
  const long = { ...WORK, cpu_ms: 1_000, wall_ms: 1_000 };
  const second = agent.invoke('f', 'two', emulated(long));
  await clock.advance(6);
  const [vm] = hypervisor.alive();
  t.is(vm?.guest.seen.filter((one) => one === 'invoke').length, 2);
  vm?.guest.exit(first.instance_id ?? '', 'exited');
  const record = await clock.until(second);
  t.like(record, { outcome: 'failed', instance_id: first.instance_id });
});
