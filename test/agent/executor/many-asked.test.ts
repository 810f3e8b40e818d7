/** Ten thousand at once: what waits is bounded, each is answered once, and nothing of it stays. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { emulated } from '../../../agent/model/work.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const MANY = 10_000;
const CALL = emulated(WORK);
const SIZE = { mechanism: 'hotmem', boot_bytes: 128 * MIB, limit_bytes: 128 * MIB } as const;
const SOON = { keep_alive_ms: 1_000 };

test(`${MANY} calls at once wait within the bound, the rest is refused, each is answered once`, async (t) => {
  const { agent, clock, hypervisor } = fakeHost({}, 16 * GIB);
  await clock.until(agent.deploy(specOf('f', { ...SIZE, ...SOON, concurrency: 96 })));
  const more = 500;
  const answers = new Map<string, number>();
  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1);
  for (let at = 0; at < MANY + more; at += 1) {
    agent.invoke('f', `c${at}`, CALL).then(
      ({ outcome, failure }) => count(failure?.code ?? outcome),
      (error: unknown) => count(String(error)),
    );
  }
  const { queue } = agent.state.functions.get('f') ?? {};
  t.true((queue?.length ?? MANY) <= AGENT_LIMITS.invocations_queued_per_function);
  const answered = (): number => [...answers.values()].reduce((sum, one) => sum + one, 0);
  for (let turns = 0; turns < 1_000 && answered() < MANY + more; turns += 1) {
    await clock.advance(20);
  }
  t.deepEqual(Object.fromEntries(answers), { done: MANY, HP_AGENT_QUEUE_FULL: more });
  await clock.advance(10_000);
  t.is(hypervisor.pluggedBytes(), 0);
  t.is(agent.grantedBytes(), SIZE.boot_bytes);
  t.is(answered(), MANY + more);
  await clock.until(agent.stop(1_000));
  t.is(agent.grantedBytes(), 0);
});

test(`of ${MANY} instances that are to be kept as many start as there is memory for`, async (t) => {
  const fits = 96;
  const boot_bytes = 40 * SIZE.boot_bytes;
  const { agent, clock, hypervisor } = fakeHost({}, boot_bytes + fits * SIZE.limit_bytes);
  const spec = specOf('f', { ...SIZE, ...SOON, concurrency: 250, max_vms: 40 });
  await clock.until(agent.deploy(spec));
  const values = { ...NO_VALUES, instances_min: MANY };
  const about = { for_ms: null, author: 'test', reason: '', revision: null };
  await clock.until(agent.operator.setTargets({ function: 'f', values, ...about }));
  await clock.advance(2_000);
  const plugged = (): number => hypervisor.pluggedBytes() / SIZE.limit_bytes;
  t.true(plugged() >= fits, `${plugged()} instances have memory`);
  const { capacity } = agent.state;
  t.true(agent.grantedBytes() <= capacity.host);
  const before = { plugs: hypervisor.done.plug, granted_bytes: agent.grantedBytes() };
  await clock.advance(60_000);
  t.is(hypervisor.done.plug, before.plugs, 'nothing more is tried in vain at a VMM');
  t.is(agent.grantedBytes(), before.granted_bytes);
  await clock.until(agent.operator.setTargets({ function: 'f', values: NO_VALUES, ...about }));
  await clock.advance(30_000);
  t.is(hypervisor.pluggedBytes(), 0, 'and all of it comes back');
  await clock.until(agent.stop(1_000));
  t.is(agent.grantedBytes(), 0);
});
