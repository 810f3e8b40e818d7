/** A function with several VMs on the real agent: launched when full, told one by one, ended. */
import test from 'ava';
import { MIB } from '../../../base/units.ts';
import type { FunctionStatus } from '../../../agent/model/messages.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

const LONG = { ...WORK, wall_ms: 20_000 };

/** Until its status is like that; an error after 10 s of the host's time. */
async function until(
  { clock, agent }: FakeHost,
  is: (fn: FunctionStatus) => boolean,
): Promise<FunctionStatus> {
  for (let waited_ms = 0; waited_ms < 10_000; waited_ms += 100) {
    const [fn] = (await clock.until(agent.status('f'))).functions;
    if (fn && is(fn)) return fn;
    await clock.advance(100);
  }
  throw new Error('it never came to that');
}

const busy = (host: FakeHost, count: number): Promise<FunctionStatus> =>
  until(host, (fn) => fn.instances_busy === count);

test('a function of at most two VMs launches the second when the first is full', async (t) => {
  const host = fakeHost();
  const { clock, agent, hypervisor } = host;
  await clock.until(agent.deploy(specOf('f', { concurrency: 1, max_vms: 2 })));
  const replies = ['one', 'two', 'three'].map((id) => agent.invoke('f', id, emulated(LONG)));
  const full = await busy(host, 2);
  t.is(hypervisor.alive().length, 2);
  t.like(full, { invocations_queued: 1, permits_bytes: 256 * MIB });
  t.deepEqual(
    full.vms.map(({ vm_state, instances, unanswered }) => [vm_state, instances, unanswered]),
    [
      ['running', 1, []],
      ['running', 1, []],
    ],
  );
  t.deepEqual(
    full.regions.map(({ id, vm_id, plugged_bytes }) => [id, vm_id, plugged_bytes]),
    full.vms.map(({ vm_id }) => ['r0', vm_id, 128 * MIB]),
  );
  t.not(full.regions[0]?.instance_id, full.regions[1]?.instance_id);
  t.is(full.guest_plugged_bytes, 256 * MIB);
  t.is(full.vm_resident_bytes, sum(full.vms.map(({ resident_bytes }) => resident_bytes ?? NaN)));

  for (const reply of await clock.until(Promise.all(replies))) t.is(reply.outcome, 'done');
  const quiet = await until(host, ({ vms }) => vms.length === 1 && vms[0]?.instances === 0);
  t.is(hypervisor.alive().length, 1, 'the second was empty for its keep-alive');
  t.like(quiet.vms[0], { vm_id: full.vm_id, vm_state: 'running', instances: 0 });
  t.is(quiet.regions.length, 1);
  await clock.until(agent.stop(0));
});

test('one silent VM of two leaves what the other tells, and no sum', async (t) => {
  const host = fakeHost();
  const { clock, agent, hypervisor } = host;
  await clock.until(agent.deploy(specOf('f', { concurrency: 1, max_vms: 2 })));
  const replies = ['one', 'two'].map((id) => agent.invoke('f', id, emulated(LONG)));
  await busy(host, 2);
  hypervisor.vms[1]?.freeze();
  const [fn] = (await clock.until(agent.status('f'))).functions;
  t.like(fn, { unanswered: ['vmm', 'guest'], guest_plugged_bytes: null, pages_migrated: null });
  t.deepEqual(
    fn?.vms.map(({ unanswered }) => unanswered),
    [[], ['vmm', 'guest']],
  );
  t.deepEqual(
    fn?.regions.map(({ plugged_bytes, permit_bytes }) => [plugged_bytes, permit_bytes]),
    [
      [128 * MIB, 128 * MIB],
      [null, 128 * MIB],
    ],
  );
  hypervisor.vms[1]?.thaw();
  await clock.until(Promise.all(replies));
  await clock.until(agent.stop(0));
});

test('a function that may have one VM lets what finds no region wait', async (t) => {
  const host = fakeHost();
  const { clock, agent, hypervisor } = host;
  await clock.until(agent.deploy(specOf('f', { concurrency: 1 })));
  const replies = ['one', 'two'].map((id) => agent.invoke('f', id, emulated(LONG)));
  t.like(await busy(host, 1), { invocations_queued: 1 });
  t.is(hypervisor.alive().length, 1);
  for (const reply of await clock.until(Promise.all(replies))) t.is(reply.outcome, 'done');
  await clock.until(agent.stop(0));
});

function sum(parts: readonly number[] = []): number {
  return parts.reduce((total, part) => total + part, 0);
}
