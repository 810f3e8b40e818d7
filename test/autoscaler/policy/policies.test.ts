/** Policies: worked examples of the rules they are made of. */
import test from 'ava';
import {
  binOf,
  HISTOGRAM_BINS,
  type IdleTimes,
  NO_IDLE_TIMES,
  noteIdleTime,
  type Windows,
  windowsOf,
} from '../../../autoscaler/policy/hybrid-histogram.ts';
import { contained } from '../../../autoscaler/policy/contained.ts';
import { HYBRID_HISTOGRAM_POLICY } from '../../../autoscaler/policy/hybrid-histogram-policy.ts';
import { AUTOSCALER_POLICIES } from '../../../autoscaler/policy/registry.ts';
import { playFast } from '../../../autoscaler/simulator/fast-engine.ts';
import { WIDE_HOST } from '../../../autoscaler/simulator/host-model.ts';
import { MECHANISM_MODELS } from '../../../autoscaler/simulator/mechanism-models.ts';
import { constantTable } from '../../../autoscaler/simulator/table-policies.ts';
import { InvocationColumns } from '../../../autoscaler/trace/columns.ts';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { MIB } from '../../../base/units.ts';
import { World } from '../../agent/core/world.ts';

const MINUTE = 60_000;

/** After these idle times, in minutes. */
function after(minutes: readonly number[]): Windows {
  const bins = new Uint32Array(HISTOGRAM_BINS);
  let known: IdleTimes = NO_IDLE_TIMES;
  for (const one of minutes) {
    const bin = binOf(one * MINUTE);
    known = noteIdleTime(known, one * MINUTE, bin === null ? 0 : (bins[bin] ?? 0));
    if (bin !== null) bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return windowsOf(known, bins);
}

const times = (count: number, minutes: number): number[] =>
  Array.from({ length: count }, () => minutes);

test('with too few idle times an instance is kept for four hours', (t) => {
  t.deepEqual(after(times(9, 10.5)), {
    prewarm_ms: 0,
    keep_alive_ms: 240 * MINUTE,
    rule: 'standard',
  });
});

test('one sharp hump: unloaded until 0.9 of the head, kept until 1.1 of the tail', (t) => {
  const { prewarm_ms, keep_alive_ms, rule } = after(times(20, 10.5));
  t.is(rule, 'histogram');
  t.is(prewarm_ms, 0.9 * 10 * MINUTE);
  t.true(Math.abs(prewarm_ms + keep_alive_ms - 1.1 * 11 * MINUTE) < 1e-6);
});

test('the head is the 5th percentile rounded down, the tail the 99th rounded up', (t) => {
  const { prewarm_ms, keep_alive_ms } = after([...times(4, 3.2), ...times(95, 20.9), 50.1]);
  t.is(prewarm_ms, 0.9 * 20 * MINUTE);
  t.true(Math.abs(prewarm_ms + keep_alive_ms - 1.1 * 21 * MINUTE) < 1e-6);
  t.is(after([...times(5, 3.2), ...times(95, 20.9)]).prewarm_ms, 0.9 * 3 * MINUTE);
});

test('a head within the first minute unloads nothing', (t) => {
  const { prewarm_ms, keep_alive_ms } = after([...times(30, 0.2), ...times(30, 4.5)]);
  t.is(prewarm_ms, 0);
  t.true(Math.abs(keep_alive_ms - 1.1 * 5 * MINUTE) < 1e-6);
});

test('idle times that are alike everywhere say nothing: the standard policy', (t) => {
  const everywhere = Array.from({ length: HISTOGRAM_BINS }, (_, bin) => bin + 0.5);
  t.is(after(everywhere).rule, 'standard');
});

test('mostly beyond four hours: a forecast, 0.85 of it until pre-warming, 0.30 kept', (t) => {
  const { prewarm_ms, keep_alive_ms, rule } = after(times(12, 300));
  t.is(rule, 'forecast');
  t.is(prewarm_ms, 0.85 * 300 * MINUTE);
  t.is(keep_alive_ms, 0.3 * 300 * MINUTE);
  t.is(after([...times(6, 300), ...times(6, 5)]).rule, 'histogram', 'half is not most');
});

test('what a policy remembers is plain JSON with its version, and another version begins anew', (t) => {
  const { learn } = HYBRID_HISTOGRAM_POLICY;
  const event = {
    type: 'invoke',
    request_id: 'q',
    function: 'f',
    invocation_id: 'i',
    timeout_ms: null,
  } as const;
  const memory = learn?.(
    undefined,
    event,
    5,
    () => null,
    () => ({ concurrent: 1, ready: 1 }),
  );
  t.deepEqual(JSON.parse(JSON.stringify(memory)), memory);
  t.like(memory, { version: 1 });
  const old = { version: 0, functions: { f: 'anything' } };
  t.deepEqual(
    learn?.(
      old,
      event,
      5,
      () => null,
      () => ({ concurrent: 1, ready: 1 }),
    ),
    memory,
  );
});

for (const policy of AUTOSCALER_POLICIES.filter(({ learn }) => learn)) {
  test(`${policy.name}: what is remembered of a function goes with it`, (t) => {
    const world = new World(2 ** 32);
    world.context = { policy, recording: false };
    world.deploy('f');
    world.quiesce();
    world.invoke('f');
    world.quiesce();
    const memory = (): string => JSON.stringify(world.state.policy_state[policy.name]);
    // These remember functions with sizes alone.
    if (!['history', 'pool'].includes(policy.name)) t.regex(memory(), /"f"/);
    world.remove('f');
    world.quiesce();
    t.notRegex(memory(), /"f"|"vm/);
  });
}

test('policies have names of their own', (t) => {
  const names = AUTOSCALER_POLICIES.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  t.true(names.includes('hybrid-histogram') && names.includes('fixed-keep-alive'));
});

/** Three functions one after another, on a host with memory for two; then the first again. */
function whoGaveWay(
  eviction: 'oldest' | 'greedy-dual',
  uses: readonly number[],
): readonly number[] {
  const functions = [128, 128, 128].map((mib, index) => ({
    name: `f${index}`,
    app: 'a',
    func: `f${index}`,
    limit_bytes: mib * MIB,
    region_bytes: mib * MIB,
    concurrency: 4,
  }));
  let now = 0;
  const calls = uses.map((function_index) => {
    now += 10_000;
    return { function_index, arrival_ms: now, duration_ms: 10 };
  });
  const mechanism = MECHANISM_MODELS.get('ideal');
  if (!mechanism) throw new Error('there is an ideal mechanism');
  const played = playFast(
    { functions, invocations: InvocationColumns.from(calls), window_ms: 1e6 },
    { mechanism, start_ms: 100, stop_ms: 1 },
    constantTable('x', 3, Number.POSITIVE_INFINITY, eviction),
    { ...WIDE_HOST, limit_bytes: 256 * MIB, when_short: 'wait' },
  );
  return [...played.outcomes];
}

test('greedy-dual keeps what is used more often, least-recently-used what was used last', (t) => {
  const uses = [0, 0, 0, 1, 2, 0];
  t.deepEqual(whoGaveWay('greedy-dual', uses), [2, 1, 1, 2, 2, 1], 'f1 gave way');
  t.deepEqual(whoGaveWay('oldest', uses), [2, 1, 1, 2, 2, 2], 'f0 gave way');
});

test('without anybody idle who could give way, a start waits for memory and is then served', (t) => {
  const outcomes = whoGaveWay('oldest', [0, 1, 2, 0, 1, 2]);
  t.true(outcomes.every((outcome) => outcome === 1 || outcome === 2));
});

test('who becomes idle gives way at once to a start that waits for memory', (t) => {
  const functions = [0, 1].map((index) => {
    const sizes = { limit_bytes: 128 * MIB, region_bytes: 128 * MIB, concurrency: 4 };
    return { name: `f${index}`, app: 'a', func: `f${index}`, ...sizes };
  });
  const calls = [0, 1].map((function_index) => ({
    function_index,
    arrival_ms: 10 * function_index,
    duration_ms: 1_000,
  }));
  const mechanism = MECHANISM_MODELS.get('ideal');
  if (!mechanism) throw new Error('there is an ideal mechanism');
  const played = playFast(
    { functions, invocations: InvocationColumns.from(calls), window_ms: 1e6 },
    { mechanism, start_ms: 100, stop_ms: 1 },
    constantTable('x', 2, Number.POSITIVE_INFINITY, 'oldest'),
    { ...WIDE_HOST, limit_bytes: 128 * MIB, when_short: 'wait' },
  );
  t.is(played.waits_ms[1], 1_100 - 10 + 1 + 100, 'its end, the stop, and a start');
});

const WRONG: unknown = 'nonsense';
const FAULTS: readonly (readonly [string, Partial<Policy>, RegExp])[] = [
  [
    'throws',
    {
      scale: () =>
        Reflect.apply(
          () => {
            throw new Error('no such bin');
          },
          null,
          [],
        ),
    },
    /scale: threw: no such bin/,
  ],
  ['answers nothing', { scale: () => JSON.parse('null') }, /scale: has counts/],
  [
    'counts in words',
    { scale: (view) => ({ ...DEFAULT_POLICY.scale(view), starts: Number(WRONG) }) },
    /scale: has counts/,
  ],
  [
    'wakes at no time',
    { scale: (view) => ({ ...DEFAULT_POLICY.scale(view), wake_at_ms: Number.NaN }) },
    /wakes at no time/,
  ],
  ['admits with a word', { admit: () => JSON.parse('"yes"') }, /admit: neither admits/],
  ['has no size', { size: () => ({ target_bytes: Number.NaN, at_ms: null }) }, /size: is no size/],
  [
    'learns and falls',
    {
      learn: () => {
        throw new TypeError('x');
      },
    },
    /learn: threw: x/,
  ],
];

for (const [title, fault, message] of FAULTS) {
  test(`a policy that ${title} is told once, and the default answers from then on`, (t) => {
    const told: string[] = [];
    const tell = (question: string, problem: string): void =>
      void told.push(`${question}: ${problem}`);
    const world = new World(2 ** 32);
    const policy = contained(
      { ...DEFAULT_POLICY, ...fault, name: 'wrong' },
      { clock: () => 0, worked: () => 0, slow_ms: 1, tell },
    );
    world.context = { policy, recording: false };
    world.deploy('f');
    world.quiesce();
    const calls = [world.invoke('f'), world.invoke('f')];
    world.quiesce();
    for (const call of calls) t.like(world.reply(call), { kind: 'invoke', outcome: 'done' });
    t.is(told.length, 1, told.join());
    t.regex(told[0] ?? '', message);
  });
}

const says = (starts: number): Policy => ({
  ...DEFAULT_POLICY,
  name: 'own',
  scale: (view) => ({ ...DEFAULT_POLICY.scale(view), starts }),
});

test('one that failed answers again once it was mended', (t) => {
  const told: string[] = [];
  const fresh: Policy[] = [];
  const policy = contained(says(Number.NaN), {
    clock: () => 0,
    worked: () => 0,
    slow_ms: 1,
    tell: (_, problem) => told.push(problem),
    mended: () => fresh.shift() ?? null,
  });
  const world = new World(2 ** 32);
  world.context = { policy, recording: false };
  world.deploy('f');
  world.quiesce();
  t.is(told.length, 1);
  fresh.push(says(0));
  const call = world.invoke('f');
  world.quiesce();
  t.like(world.reply(call), { outcome: 'refused' }, 'it is asked, and starts nothing');
  fresh.push(says(0.5), says(1));
  world.invoke('f');
  world.quiesce();
  t.is(fresh.length, 2, 'what does not fail is not mended');
  t.is(told.length, 1);
});

test('a policy that is slow gives way too; one that is in time goes on', (t) => {
  const told: string[] = [];
  let now_ms = 0;
  let worked_ms = 0;
  let is_starved = false;
  const slow: Policy = {
    ...DEFAULT_POLICY,
    name: 'slow',
    scale: (view) => {
      now_ms += 50;
      worked_ms += is_starved ? 1 : 50;
      return DEFAULT_POLICY.scale(view);
    },
  };
  const hold = (slow_ms: number): Policy =>
    contained(slow, {
      clock: () => now_ms,
      worked: () => worked_ms,
      slow_ms,
      tell: (_, problem) => told.push(problem),
    });
  // On a host that is starved no answer is in time, and none of that is the policy's fault.
  for (const [slow_ms, starved] of [
    [50, false],
    [49, true],
    [49, false],
  ] as const) {
    is_starved = starved;
    const world = new World(2 ** 32);
    world.context = { policy: hold(slow_ms), recording: false };
    world.deploy('f');
    world.invoke('f');
    world.quiesce();
  }
  t.deepEqual(told, ['worked for 50 ms, more than 49']);
});
