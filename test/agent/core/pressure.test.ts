/** A host that is short of memory: what comes back, in which order, and what is not given. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { Reply } from '../../../agent/model/actions.ts';
import { nextPressure, NO_PRESSURE } from '../../../agent/model/pressure.ts';
import { DEFAULT_CONFIG } from '../../../agent/model/config.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

const KEEP = 1_000 * MIB;
const REGION = 128 * MIB;
const CALM_MS = 5_000;

const AHEAD: Policy = {
  ...DEFAULT_POLICY,
  elastic: true,
  scale: (view) => ({ ...DEFAULT_POLICY.scale(view), plugged: 1 }),
  size: ({ region, instance, max_bytes }) => {
    if (!instance) return { target_bytes: REGION, at_ms: null };
    return region.span?.want ? { target_bytes: max_bytes, at_ms: null } : null;
  },
};

/** One function with a busy instance, three idle ones and a region plugged ahead of a start. */
function loaded(): World {
  const world = new World(16 * GIB, { host_keep_bytes: KEEP, pressure_calm_ms: CALM_MS });
  world.context = { policy: AHEAD, recording: false };
  const memory = { baseline_bytes: REGION, increment_bytes: null, history: false };
  world.deploy('f', 'virtio-mem', {
    concurrency: 8,
    keep_alive_ms: 1e6,
    limit_bytes: 2 * REGION,
    memory: { ...memory, grow_wait_ms: 1_000, expression: null },
  });
  finish(world);
  for (let count = 0; count < 4; count += 1) world.invoke('f');
  finish(world);
  world.invoke('f');
  return world;
}

const sent = (world: World): string[] =>
  world.actions.flatMap((one) => {
    if (one.type === 'resize-region') return [`${one.order.cause} ${one.order.to_bytes}`];
    return one.type === 'stop-instance' ? ['stop'] : [];
  });
const failure = (reply: Reply | undefined) => (reply?.kind === 'invoke' ? reply.failure : null);

test('memory comes back in the stated order, a level at a time as less is available', (t) => {
  const world = loaded();
  const at = (available_bytes: number): string[] => {
    world.actions.length = 0;
    world.hostMemory(available_bytes);
    return sent(world);
  };
  t.deepEqual(at(KEEP), []);
  t.is(world.state.pressure.level, 'none');
  t.deepEqual(at(KEEP - 1), ['pressure 0'], 'the reserve');
  t.is(world.state.pressure.level, 'reserve');
  t.deepEqual(at(0.75 * KEEP - 1), ['stop'], 'and so much of the idle ones as is wanting');
  t.is(world.state.pressure.level, 'idle');
  t.deepEqual(at(0.5 * KEEP - 1), ['stop', 'stop'], 'all there are');
  t.is(world.state.pressure.level, 'growth');
  const [vm] = world.vmsOf('f');
  const busy = vm?.instances.find(({ phase }) => phase === 'busy');
  const region_id = `r${busy?.region_index ?? -1}`;
  const regions = [{ region_id, used_bytes: REGION, want_bytes: 4096 }];
  world.actions.length = 0;
  world.send({ type: 'usage', vm_id: vm?.id ?? '', regions });
  t.deepEqual(sent(world), []);
  t.true(world.actions.some((one) => one.type === 'record-refusal'));
  t.deepEqual(at(0.25 * KEEP - 1), []);
  finish(world);
  world.send({ type: 'drain', request_id: 'q', function: 'f' });
  finish(world);
  world.hostMemory(0);
  t.is(failure(world.reply(world.invoke('f')))?.code, 'HP_AGENT_HOST_PRESSURE');
  t.like(world.reply(world.deploy('g')), { failure: { code: 'HP_AGENT_HOST_PRESSURE' } });
  t.deepEqual([...new Set(world.reports)], ['HP_AGENT_HOST_PRESSURE']);
});

test('a fall by all levels at once gives everything back in that order, in one step', (t) => {
  const world = loaded();
  world.actions.length = 0;
  world.hostMemory(0);
  t.deepEqual(sent(world), ['pressure 0', 'stop', 'stop', 'stop']);
  t.is(world.state.pressure.level, 'starts');
});

test('instances that a function is to keep end at the last level, and not before', (t) => {
  const world = new World(16 * GIB, { host_keep_bytes: KEEP });
  world.deploy('f', 'virtio-mem', { concurrency: 2, instances: { min: 2, max: null } });
  finish(world);
  world.actions.length = 0;
  world.hostMemory(0.25 * KEEP);
  t.is(world.state.pressure.level, 'growth');
  t.deepEqual(sent(world), []);
  world.hostMemory(0.25 * KEEP - 1);
  t.deepEqual(sent(world), ['stop', 'stop']);
});

const toldOf = (available_bytes: number) => ({
  available_bytes,
  resident_bytes: 0,
  some_percent: null,
  full_percent: null,
});

test('levels end one by one, each after it was calm for a while, with some to spare', (t) => {
  const config = { ...DEFAULT_CONFIG, host_keep_bytes: KEEP, pressure_calm_ms: CALM_MS };
  let now_ms = 0;
  let pressure = nextPressure(NO_PRESSURE, toldOf(0), config, now_ms);
  t.is(pressure.level, 'starts');
  const after = (available_bytes: number, ms: number) => {
    now_ms += ms;
    pressure = nextPressure(pressure, toldOf(available_bytes), config, now_ms);
    return pressure.level;
  };
  t.is(after(0.3 * KEEP, 1_000), 'starts', 'enough to begin nothing, not to end it');
  t.is(after(0.3 * KEEP, CALM_MS), 'starts');
  t.is(after(2 * KEEP, 0), 'starts');
  t.is(after(2 * KEEP, CALM_MS - 1), 'starts');
  t.is(after(2 * KEEP, 1), 'growth');
  t.is(after(2 * KEEP, 0), 'growth');
  t.is(after(0.3 * KEEP, 100), 'growth', 'the wait begins anew');
  t.is(after(2 * KEEP, CALM_MS), 'growth');
  for (const level of ['idle', 'reserve', 'none'] as const) {
    after(2 * KEEP, 0);
    t.is(after(2 * KEEP, CALM_MS), level);
  }
  t.is(nextPressure(pressure, null, config, now_ms).level, 'none');
});

test('tasks that wait for memory are pressure where little is left, and nowhere else', (t) => {
  const config = { ...DEFAULT_CONFIG, host_keep_bytes: KEEP };
  for (const [available_bytes, some_percent, full_percent, level] of [
    [1.9 * KEEP, 10, 0, 'reserve'],
    [1.9 * KEEP, 20, 0, 'idle'],
    [1.9 * KEEP, 30, 10, 'growth'],
    [1.9 * KEEP, 60, 25, 'starts'],
    [2 * KEEP, 60, 25, 'none'],
  ] as const) {
    const told = { available_bytes, resident_bytes: null, some_percent, full_percent };
    t.is(nextPressure(NO_PRESSURE, told, config, 0).level, level);
  }
});

test('permits stay within what the host can give, though the budget has more', (t) => {
  const world = new World(16 * GIB, { host_keep_bytes: KEEP, memory_wait_ms: 0 });
  world.deploy('f', 'virtio-mem', { limit_bytes: REGION });
  finish(world);
  const granted_bytes = world.state.granted.host;
  const can = (can_give_bytes: number): void => {
    const resident_bytes = can_give_bytes - KEEP;
    const told = { available_bytes: 2 * KEEP, resident_bytes, some_percent: 0, full_percent: 0 };
    world.send({ type: 'host-memory', told });
  };
  can(granted_bytes + REGION - 1);
  const told = failure(world.reply(world.invoke('f')));
  t.is(told?.code, 'HP_AGENT_HOST_MEMORY');
  t.like(told?.details, { asked_bytes: REGION, granted_bytes, keep_bytes: KEEP });
  can(granted_bytes + REGION);
  const request = world.invoke('f');
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
});

test('a policy is told as free what the host can give, though the budget has more', (t) => {
  const world = new World(16 * GIB, { host_keep_bytes: KEEP });
  const seen: number[] = [];
  const policy: Policy = {
    ...DEFAULT_POLICY,
    scale: (view) => {
      seen.push(view.free_bytes);
      return DEFAULT_POLICY.scale(view);
    },
  };
  world.context = { policy, recording: false };
  world.deploy('f');
  finish(world);
  const { host: granted_bytes } = world.state.granted;
  const psi = { some_percent: 0, full_percent: 0 };
  const told = { available_bytes: KEEP + REGION, resident_bytes: granted_bytes, ...psi };
  world.send({ type: 'host-memory', told });
  world.invoke('f');
  t.is(seen.at(-1), REGION);
});

test('where nobody says what the host keeps, only the budget counts', (t) => {
  const world = new World(4 * GIB);
  world.deploy('f');
  finish(world);
  world.hostMemory(0);
  const request = world.invoke('f');
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
  t.is(world.state.pressure.level, 'none');
});
