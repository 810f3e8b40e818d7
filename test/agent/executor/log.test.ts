/** The log: one line for what went wrong for a caller, few lines for much of it, fixed keys. */
import test from 'ava';
import { pino } from 'pino';
import { RepeatLog } from '../../../agent/executor/repeat-log.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

const parsed = (log: readonly string[]): readonly Record<string, unknown>[] =>
  log.map((line) => JSON.parse(line)).filter((line) => line.level >= 40);

test('2,000 refused calls are a few short lines with their number', async (t) => {
  const { clock, agent, log } = fakeHost({}, 600 * MIB);
  await clock.until(agent.deploy(specOf('f')));
  await clock.until(agent.deploy(specOf('other')));
  await clock.until(
    Promise.all(Array.from({ length: 2_000 }, (_, i) => agent.invoke('f', `${i}`, emulated(WORK)))),
  );
  await clock.advance(5_000);
  const lines = parsed(log);
  t.true(lines.length <= 6, `${lines.length} lines`);
  const refused = lines.filter((line) => line['msg'] === 'an invocation was refused');
  const counted = refused.reduce(
    (sum, line) => sum + 1 + Number(line['repeated'] ?? 0) - (line['repeated'] ? 1 : 0),
    0,
  );
  t.is(counted, 2_000);
  t.like(refused[0], {
    vm: 'vm1',
    function: 'f',
    invocation: '0',
    instance: null,
    err: { code: 'HP_AGENT_NO_MEMORY' },
  });
  t.true(log.join('').length < 10_000);
  await clock.until(agent.stop(0));
});

const FAILURES = [
  {
    name: 'out of memory',
    work: { ...WORK, anonymous_bytes: 500 * MIB },
    code: 'HP_AGENT_INSTANCE_OOM',
  },
  { name: 'a crash', work: { ...WORK, wall_ms: 10_000 }, code: 'HP_AGENT_INSTANCE_EXITED' },
  { name: 'a time-out', work: { ...WORK, wall_ms: 1_000 }, code: 'HP_GUEST_TIMEOUT' },
] as const;

for (const { name, work, code } of FAILURES) {
  test(`an invocation that fails by ${name} is one line at level error with all keys`, async (t) => {
    const silent = code === 'HP_GUEST_TIMEOUT';
    const { clock, agent, hypervisor, log } = fakeHost({
      guest: (type) => (silent && type === 'invoke' ? 'silent' : 'none'),
    });
    await clock.until(agent.deploy(specOf('f')));
    const running = agent.invoke('f', 'mine', emulated(work));
    await clock.advance(2_000);
    const [instance] = hypervisor.vms[0]?.guest.instances.keys() ?? [];
    if (code === 'HP_AGENT_INSTANCE_EXITED' && instance)
      hypervisor.vms[0]?.guest.exit(instance, 'crash');
    t.like(await clock.until(running), { outcome: 'failed', failure: { code } });
    await clock.advance(2_000);
    const lines = parsed(log).filter((line) => line['msg'] === 'an invocation failed');
    t.is(lines.length, 1);
    t.like(lines[0], { level: 50, vm: 'vm1', function: 'f', invocation: 'mine', err: { code } });
    t.regex(String(lines[0]?.['instance']), /^i\d+$/);
    await clock.until(agent.stop(0));
  });
}

test('calls that cannot be served are told, as one kind whatever names they use', async (t) => {
  const { clock, agent, log } = fakeHost();
  for (let i = 0; i < 500; i += 1) {
    await t.throwsAsync(agent.invoke(`no-${i}`, 'x', emulated(WORK)));
  }
  await clock.advance(3_000);
  const lines = parsed(log);
  t.true(lines.length <= 3);
  t.like(lines[0], {
    vm: null,
    function: 'no-0',
    method: 'invoke',
    err: { code: 'HP_AGENT_NO_FUNCTION' },
  });
  await clock.until(agent.stop(0));
});

test('a kind of line: first at once, then one a second with the number, then silence', async (t) => {
  const clock = new FakeClock();
  const written: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => written.push(JSON.parse(line)) });
  const told = new RepeatLog(clock);
  const tell = (n: number): void =>
    told.tell('k', { log, level: 'warn', fields: { n }, text: 'again' });
  tell(1);
  t.is(written.length, 1);
  for (let n = 2; n <= 10; n += 1) tell(n);
  await clock.advance(AGENT_LIMITS.log_repeat_ms);
  t.like(written[1], { n: 10, repeated: 9 });
  tell(11);
  told.close();
  t.like(written[2], { n: 11, repeated: 1 });
  tell(12);
  t.like(written[3], { n: 12 });
  await clock.advance(60_000);
  t.is(written.length, 4);
});

test('kinds without end are one kind', async (t) => {
  const clock = new FakeClock();
  let written = 0;
  const log = pino({ base: null }, { write: () => void (written += 1) });
  const told = new RepeatLog(clock);
  for (let n = 0; n < 10_000; n += 1) {
    told.tell(`k${n}`, { log, level: 'warn', fields: {}, text: 'x' });
  }
  t.true(written <= AGENT_LIMITS.log_kinds + 1);
  await clock.advance(60_000);
  t.true(written <= AGENT_LIMITS.log_kinds + 2);
});
