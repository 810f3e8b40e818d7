/** Spans through the real agent, over a simulated VMM and guest. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { Operation } from '../../../agent/model/records.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { emulated, type Work } from '../../../agent/model/work.ts';
import { type FakeFaults, NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { summarizeSpans } from '../../../bench/spans/figures.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const WAIT_MS = 2_000;
const SPEC = specOf('f', {
  mechanism: 'hotmem',
  limit_bytes: 128 * MIB,
  concurrency: 1,
  keep_alive_ms: 600_000,
  spans: [{ name: 'data', max_bytes: GIB, host_node: null }],
});
const STEP = { span: 'data', at_ms: 0, bytes: GIB, touch_bytes: 0, hold_ms: 50, times: 1 };

function works(part: Partial<NonNullable<Work['spans']>[number]> = {}): Work {
  return { ...WORK, spans: [{ ...STEP, ...part }] };
}

interface Seen extends FakeHost {
  readonly operations: Operation[];
}

async function host(
  { free_bytes = 8 * GIB, ...part }: Partial<FunctionSpec> & { readonly free_bytes?: number } = {},
  faults: Partial<FakeFaults> = {},
): Promise<Seen> {
  const made = fakeHost({ ...NO_FAULTS, ...faults }, free_bytes, {}, HISTORY_POLICY);
  await made.clock.until(made.agent.deploy({ ...SPEC, ...part }));
  const operations: Operation[] = [];
  const records = made.agent.watch({ records: ['operation'] });
  const collect = async (): Promise<void> => {
    for await (const { operation } of records) if (operation) operations.push(operation);
  };
  void collect();
  return { ...made, operations };
}

test('a span of 1 GiB, 100 times in one call: opened and given back each time', async (t) => {
  const { clock, agent, hypervisor, operations } = await host();
  const reply = agent.invoke('f', 'one', emulated(works({ times: 100 })));
  t.like(await clock.until(reply), { outcome: 'done' });
  await clock.advance(5_000);
  t.is(hypervisor.pluggedBytes(), 128 * MIB, 'what its instance has is left');
  const told = (await clock.until(agent.status('f'))).functions[0]?.spans;
  t.like(told, { opened: 100, denied: 0, open: 0, waiting: 0, open_bytes: 0, plugged_bytes: 0 });
  t.true((told?.held_gib_s ?? 0) >= 100 * 0.05, 'each was held for 50 ms at the least');
  for (const cause of ['open', 'close'] as const) {
    const of_cause = operations.filter((one) => one.cause === cause);
    t.is(of_cause.length, 100);
    t.true(of_cause.every(({ outcome, span }) => outcome === 'done' && span === 'data'));
  }
  const stamps = operations.find(({ cause }) => cause === 'open');
  t.not(stamps?.wanted_at_ms, null, 'when its program asked is known');
  const { own } = summarizeSpans({ lines: [], operations }).open;
  t.like(own, { n: 100, most_ms: 0 }, 'the agent computes until it asks: it waits for nothing');
  await clock.until(agent.stop(0));
});

test('a host that refuses: the program is told why, within the bound', async (t) => {
  const { clock, agent, hypervisor, operations } = await host({ free_bytes: GIB });
  const reply = agent.invoke('f', 'one', emulated(works()));
  await clock.advance(AGENT_LIMITS.span_wait_ms + 1_000);
  const { outcome, failure } = await clock.until(reply);
  t.is(outcome, 'failed');
  const told = (await clock.until(agent.status('f'))).functions[0]?.spans;
  t.like(told, { opened: 0, denied: 1, last_denied_span: 'data', held_gib_s: 0 });
  t.is(told?.last_denied_code, 'HP_AGENT_NO_MEMORY', 'not that it was denied, but why');
  t.regex(failure?.message ?? '', /HP_AGENT_SPAN_DENIED: span 'data' of 1 GiB did not come/);
  const denied = operations.find(({ cause }) => cause === 'open');
  t.like(denied, { outcome: 'refused', error_code: 'HP_AGENT_SPAN_DENIED', span: 'data' });
  await clock.until(agent.drain('f'));
  t.is(hypervisor.pluggedBytes(), 0);
  await clock.until(agent.stop(0));
});

test('a VMM that never plugs a span: its program is told, and the function serves on', async (t) => {
  let is_stuck = false;
  const resize = (kind: 'plug' | 'unplug') => (is_stuck && kind === 'plug' ? 'slow' : 'none');
  const sizes = { baseline_bytes: 128 * MIB, increment_bytes: null, history: false };
  const memory = { ...sizes, grow_wait_ms: WAIT_MS, expression: null };
  const { clock, agent, hypervisor } = await host({ memory }, { resize });
  t.like(await clock.until(agent.invoke('f', 'warm', emulated(WORK))), { outcome: 'done' });
  is_stuck = true;
  const reply = agent.invoke('f', 'one', emulated(works()));
  await clock.advance(WAIT_MS + 500);
  t.regex((await clock.until(reply)).failure?.message ?? '', /HP_AGENT_SPAN_DENIED/);
  is_stuck = false;
  t.like(await clock.until(agent.invoke('f', 'two', emulated(works()))), { outcome: 'done' });
  await clock.until(agent.drain('f'));
  t.is(hypervisor.pluggedBytes(), 0, 'what was plugged too late is back, too');
  await clock.until(agent.stop(0));
});

test('a guest that asks 10,000 times a second is heard a bounded number of times', async (t) => {
  const { clock, agent, hypervisor, log, operations } = await host();
  const [vm] = hypervisor.vms;
  t.like(await clock.until(agent.invoke('f', 'warm', emulated(WORK))), { outcome: 'done' });
  const running = agent.invoke('f', 'one', emulated({ ...WORK, wall_ms: 2_000 }));
  await clock.advance(100);
  const [instance = ''] = vm?.guest.instances.keys() ?? [];
  const before = log.length;
  for (let tenth = 0; tenth < 100; tenth += 1) {
    for (let count = 0; count < 100; count += 1) {
      const about = { type: 'span', instance, bytes: 2 * GIB, at_ms: 0 };
      vm?.guest.say({ ...about, span: `x${count}`, state: 'asked' });
      vm?.guest.say({ ...about, span: 'data', state: count % 2 === 0 ? 'asked' : 'closed' });
    }
    await clock.advance(10);
  }
  t.like(await clock.until(running), { outcome: 'done' });
  const asked = vm?.guest.seen.filter((one) => one === 'span').length ?? 0;
  t.log(`${asked} answers to 20,000 words, ${log.length - before} lines of the log`);
  t.true(asked < 500, 'at a pace of its own, the newest word of each alone is answered');
  t.deepEqual(
    operations.filter(({ cause }) => cause === 'open'),
    [],
  );
  await clock.until(agent.stop(0));
});

test('a process that is killed with a span open: nothing of it is left', async (t) => {
  const { clock, agent, hypervisor } = await host();
  const reply = agent.invoke('f', 'one', emulated(works({ hold_ms: 60_000 })));
  await clock.advance(1_000);
  t.is(hypervisor.pluggedBytes(), GIB + 128 * MIB);
  const [vm] = hypervisor.vms;
  const [instance = ''] = vm?.guest.instances.keys() ?? [];
  vm?.guest.exit(instance, 'oom');
  await clock.advance(5_000);
  t.is((await clock.until(reply)).outcome, 'failed');
  t.is(hypervisor.pluggedBytes(), 0);
  await clock.until(agent.stop(0));
});
