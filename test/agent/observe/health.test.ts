/** A guest that does not answer: found out without being asked for anything, told, and forgiven. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { observedTimer } from '../../../base/observed-timer.ts';
import { MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

const lines = (log: readonly string[], text: string): readonly Record<string, unknown>[] =>
  log.map((line) => JSON.parse(line)).filter((line) => line.msg === text);

test('a frozen guest is told once, refuses what comes, and serves again when it answers', async (t) => {
  const { clock, agent, hypervisor, log } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1e7 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  hypervisor.vms[0]?.freeze();
  await clock.advance(60_000);
  t.like(lines(log, 'the guest does not answer'), [{ vm: 'vm1', function: 'f', level: 50 }]);
  const status = await clock.until(agent.status('f'));
  t.like(status.functions[0], { vm_state: 'unresponsive', unanswered: ['vmm', 'guest'] });
  const refused = await clock.until(agent.invoke('f', 'y', emulated(WORK)));
  t.like(refused, { outcome: 'refused', failure: { code: 'HP_AGENT_UNRESPONSIVE' } });
  hypervisor.vms[0]?.thaw();
  await clock.advance(AGENT_LIMITS.guest_ping_again_ms + AGENT_LIMITS.guest_pong_ms);
  t.is(lines(log, 'the guest answers again').length, 1);
  t.like((await clock.until(agent.status('f'))).functions[0], { vm_state: 'running' });
  t.like(await clock.until(agent.invoke('f', 'z', emulated(WORK))), {
    outcome: 'done',
    cold: false,
  });
  t.is(hypervisor.alive().length, 1);
  await clock.until(agent.stop(0));
});

test('a guest frozen for two minutes while instances age out keeps its VM', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 20_000 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  hypervisor.vms[0]?.freeze();
  await clock.advance(120_000);
  hypervisor.vms[0]?.thaw();
  await clock.advance(60_000);
  t.is(hypervisor.alive().length, 1);
  t.is(hypervisor.pluggedBytes(), 0, 'the instance was stopped and its region unplugged');
  t.like(await clock.until(agent.invoke('f', 'y', emulated(WORK))), { outcome: 'done' });
  await clock.until(agent.stop(0));
});

test('a guest that never answers again costs its VM in the end, with the reason kept', async (t) => {
  const { clock, agent, hypervisor, log } = fakeHost();
  await clock.until(agent.deploy(specOf('f')));
  const running = agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 500_000 }));
  await clock.advance(1_000);
  hypervisor.vms[0]?.freeze();
  await clock.advance(AGENT_LIMITS.vm_unresponsive_ms + 60_000);
  t.like(await running, { outcome: 'failed', failure: { code: 'HP_AGENT_UNRESPONSIVE' } });
  t.deepEqual(
    hypervisor.alive().map(({ id }) => id !== 'vm1'),
    [true],
    'another VM took its place',
  );
  const [line] = lines(log, 'the VM is ended');
  t.like(line, { vm: 'vm1', err: { code: 'HP_AGENT_UNRESPONSIVE' } });
  const status = await clock.until(agent.status('f'));
  t.like(status.functions[0], {
    vm_state: 'running',
    last_failure: { code: 'HP_AGENT_UNRESPONSIVE', vm_id: 'vm1' },
  });
  await clock.until(agent.stop(0));
});

test('a guest that is asked all the time is not pinged', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  const watch = agent.watch({ memory_interval_ms: 250 });
  await clock.until(agent.deploy(specOf('f', { limit_bytes: 128 * MIB })));
  await clock.advance(60_000);
  t.false(hypervisor.vms[0]?.guest.seen.includes('ping'));
  watch.close();
  await clock.advance(60_000);
  t.true(hypervisor.vms[0]?.guest.seen.includes('ping'));
  await clock.until(agent.stop(0));
});

/** A clock whose host may stand still: time passes, and nothing is run until it goes on. */
class PausedClock extends FakeClock {
  #paused_ms = 0;

  override nowMs(): number {
    return super.nowMs() + this.#paused_ms;
  }

  pause(ms: number): void {
    this.#paused_ms += ms;
  }
}

test('a deadline counts no time in which the host stood still', async (t) => {
  const clock = new PausedClock();
  let fired_ms: number | null = null;
  const begun_ms = clock.nowMs();
  observedTimer(clock, 30_000, () => {
    fired_ms = clock.nowMs() - begun_ms;
  });
  await clock.advance(12_000);
  clock.pause(600_000);
  await clock.advance(15_000);
  t.is(fired_ms, null);
  await clock.advance(30_000);
  t.true(fired_ms !== null && fired_ms >= 600_000 + 25_000 && fired_ms <= 600_000 + 40_000);
});

test('a pause in the last moment of a deadline leaves time to read the answer', async (t) => {
  const clock = new PausedClock();
  let fired = false;
  observedTimer(clock, 100, () => {
    fired = true;
  });
  await clock.advance(50);
  clock.pause(3_600_000);
  await clock.advance(60);
  t.false(fired);
  await clock.advance(100);
  t.true(fired);
});

test('a deadline that is called off never comes', async (t) => {
  const clock = new FakeClock();
  let fired = false;
  const callOff = observedTimer(clock, 20_000, () => {
    fired = true;
  });
  await clock.advance(12_000);
  callOff();
  await clock.advance(60_000);
  t.false(fired);
});

test('a function whose guest does not answer is removed without waiting for it', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f')));
  const running = agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 500_000 }));
  await clock.advance(1_000);
  hypervisor.vms[0]?.freeze();
  await clock.advance(60_000);
  const began_ms = clock.nowMs();
  await clock.until(agent.remove('f'));
  t.true(
    clock.nowMs() - began_ms < AGENT_LIMITS.remove_drain_ms / 2,
    `${clock.nowMs() - began_ms} ms`,
  );
  t.like(await running, { outcome: 'failed', failure: { code: 'HP_AGENT_REMOVING' } });
  t.is(hypervisor.alive().length, 0);
});
