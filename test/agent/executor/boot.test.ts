/** A VM that does not come up, or goes down: one clear error, and nothing left. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { LIMITS } from '../../../base/limits.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { fakeHost } from '../../fakes/host.ts';
import type { LaunchFault } from '../../../agent/testing/fake-hypervisor.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

const FAULTS: readonly { readonly fault: LaunchFault; readonly code: string }[] = [
  { fault: 'refuse', code: 'HP_AGENT_INTERNAL' },
  { fault: 'die', code: 'HP_AGENT_VM_ENDED' },
  { fault: 'panic', code: 'HP_GUEST_PANIC' },
  { fault: 'no-hello', code: 'HP_GUEST_NO_HELLO' },
];

for (const { fault, code } of FAULTS) {
  test(`launch '${fault}' fails the deploy with ${code} and leaves nothing`, async (t) => {
    const faults: LaunchFault[] = [fault];
    const { clock, agent, hypervisor } = fakeHost({ launch: () => faults.shift() ?? 'none' });
    // A guest may die before or after its hello: both end the deploy or the function.
    const deployed = clock.until(agent.deploy(specOf('f')).catch((error: unknown) => error));
    const outcome = await deployed;
    if (outcome instanceof Error) t.like(outcome, { code });
    // One that had served gets another VM by itself.
    const after = outcome instanceof Error ? 0 : 1;
    const nothingLeft = (): true | null => {
      const others = hypervisor.alive().filter((vm) => vm !== hypervisor.vms[0]);
      const all = others.length === hypervisor.alive().length && others.length === after;
      return all && (after > 0 || agent.grantedBytes() === 0) ? true : null;
    };
    t.true(await clock.until(waitFor(nothingLeft, { clock, deadline_ms: 60_000 })));
    t.truthy(await clock.until(agent.deploy(specOf('f'))), 'the next deploy works');
    await clock.until(agent.stop(0));
  });
}

test('a guest that its VMM makes slow has so many times longer to come up', async (t) => {
  const { clock, agent, hypervisor } = fakeHost({ launch: () => 'no-hello' });
  const usual = await hypervisor.probe();
  for (const slowness of [1, 4]) {
    hypervisor.probe = async () => ({ ...usual, slowness });
    const begun_ms = clock.nowMs();
    const deployed = agent.deploy(specOf(`f${slowness}`)).catch((error: unknown) => error);
    t.like(await clock.until(deployed), { code: 'HP_GUEST_NO_HELLO' });
    const took = (clock.nowMs() - begun_ms) / LIMITS.guest_hello_ms;
    t.true(took >= slowness && took < slowness + 1, `${took}`);
  }
  await clock.until(agent.stop(0));
});

test('a panic while serving fails the invocation with the panic, not with the closed channel', async (t) => {
  const { clock, agent, hypervisor, log } = fakeHost();
  await clock.until(agent.deploy(specOf('f')));
  const running = agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 60_000 }));
  await clock.advance(1_000);
  const [vm] = hypervisor.vms;
  vm?.guest.die();
  await clock.advance(100);
  vm?.tell({ type: 'guest-panicked', at_ms: clock.nowMs() });
  const reply = await clock.until(running);
  t.like(reply, { outcome: 'failed', failure: { code: 'HP_GUEST_PANIC' } });
  await clock.advance(1_000);
  t.true(log.some((line) => line.includes('HP_GUEST_PANIC')));
  await clock.until(agent.stop(0));
});

test('a killed VMM that is slow to go is told as that, with the limit that it went beyond', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f')));
  const running = agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 60_000 }));
  await clock.advance(1_000);
  const [vm] = hypervisor.vms;
  if (!vm) throw new Error('there is no VM');
  const over = { ...(await vm.observe()), state: 'stopped' as const };
  // Its sockets close at once; whoever looks at it waits for its end, as the drivers do.
  vm.observe = async () => {
    await clock.sleep(2 * AGENT_LIMITS.vm_news_ms);
    const end = { code: null, signal: 'SIGKILL', over_limit_bytes: 64 * MIB };
    vm.tell({ type: 'exited', at_ms: clock.nowMs(), ...end });
    return over;
  };
  vm.guest.die();
  const { failure } = await clock.until(running);
  t.is(failure?.code, 'HP_AGENT_VM_ENDED');
  t.regex(failure?.message ?? '', /more than the 64 MiB that its memory cgroup allows/);
  await clock.until(agent.stop(0));
});

test('a reader of records that is too slow is dropped with an error that says so', async (t) => {
  const { clock, agent } = fakeHost();
  const slow = agent.watch({ memory_interval_ms: 20 });
  await clock.until(agent.deploy(specOf('f')));
  await clock.advance(20 * 11_000);
  const error = await t.throwsAsync(async () => {
    for await (const record of slow) t.truthy(record);
  });
  t.like(error, { code: 'HP_AGENT_SLOW_READER' });
  await clock.until(agent.stop(0));
});
