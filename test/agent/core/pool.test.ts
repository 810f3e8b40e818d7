/** The pool's book by hand: who found what on which rung, what it cost, and who goes first. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { byteMsAt, NO_POOL, type PoolState, type ReadyRung } from '../../../agent/model/pool.ts';
import { OLDEST_FIRST_POLICY } from '../../../autoscaler/policy/oldest-first.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { hostOf, perTable, rowsBetween } from '../../../agent/store/rows.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const LIMIT_BYTES = 128 * MIB;

/** So many regions plugged and instances idle ahead of calls, and nothing ever ends by time. */
const keeping = (plugged: number, warm = 0): Policy => ({
  ...DEFAULT_POLICY,
  name: 'keeping',
  scale: (view) => ({ ...DEFAULT_POLICY.scale(view), stops: [], plugged, warm }),
});

/** One region stays plugged, and idle instances end by time. */
const ageing: Policy = {
  ...DEFAULT_POLICY,
  name: 'ageing',
  scale: (view) => ({ ...DEFAULT_POLICY.scale(view), plugged: 1 }),
};

function worldOf(policy: Policy, gib = 8): World {
  const world = new World(gib * GIB, { host_keep_bytes: GIB });
  world.context = { policy, recording: false };
  world.deploy('f', 'hotmem', { concurrency: 4 });
  finish(world);
  return world;
}

function poolOf(world: World, name = 'f'): PoolState {
  return world.state.functions.get(name)?.pool ?? NO_POOL;
}

const lookedAt = (world: World, rung: ReadyRung): readonly [number, number] => {
  const { asked, hits } = poolOf(world)[rung];
  return [asked, hits];
};

test('a call that finds an idle instance is a hit of warm, and any other is a miss', (t) => {
  const world = worldOf(keeping(0));
  world.invoke('f');
  finish(world);
  t.deepEqual(lookedAt(world, 'warm'), [1, 0]);
  t.is(poolOf(world).warm.used_at_ms, null);
  world.invoke('f');
  const used_at_ms = world.now_ms;
  t.deepEqual(lookedAt(world, 'warm'), [2, 1]);
  t.is(poolOf(world).warm.used_at_ms, used_at_ms);
  // It waits for the one that runs, or for its own start: it found none.
  world.invoke('f');
  complete(world, 'invoke-instance');
  t.deepEqual(lookedAt(world, 'warm'), [3, 1]);
});

test('a start that finds its region plugged is a hit of plugged; one that nobody waits for asks not', (t) => {
  const world = worldOf(keeping(1));
  t.is(poolOf(world).plugged.bytes, LIMIT_BYTES, 'one is plugged ahead');
  world.invoke('f');
  t.deepEqual(lookedAt(world, 'plugged'), [1, 1]);
  world.invoke('f');
  t.deepEqual(lookedAt(world, 'plugged'), [2, 1]);
  finish(world);
  world.context = { policy: keeping(0, 4), recording: false };
  world.advance(0);
  world.invoke('f');
  finish(world);
  t.is(poolOf(world).plugged.asked, 2, 'started ahead of calls');
});

for (const place of [DEFAULT_POLICY.place, OLDEST_FIRST_POLICY.place]) {
  const name = place === DEFAULT_POLICY.place ? 'newest' : 'oldest';
  test(`a start takes a region that is plugged, though an empty one comes first: ${name}`, (t) => {
    const world = worldOf({ ...ageing, place });
    const plugged = (): readonly number[] =>
      world.vmsOf('f')[0]?.regions.map((one) => one.plugged_bytes / LIMIT_BYTES) ?? [];
    t.deepEqual(plugged(), [1, 0, 0, 0]);
    world.invoke('f');
    finish(world);
    t.deepEqual(plugged(), [1, 1, 0, 0], 'the first serves, the next one is plugged ahead');
    world.advance(world.state.functions.get('f')?.spec.keep_alive_ms ?? 0);
    finish(world);
    t.deepEqual(plugged(), [0, 1, 0, 0], 'what served is gone');
    world.invoke('f');
    t.is(world.vmsOf('f')[0]?.instances[0]?.region_index, 1);
    t.deepEqual(lookedAt(world, 'plugged'), [2, 2]);
  });
}

test('what stands ready costs its bytes over time, rung by rung, until the moment that asks', (t) => {
  const world = worldOf(keeping(1, 1));
  const start_ms = world.now_ms;
  const before = { plugged: 0, warm: 0 };
  for (const rung of ['plugged', 'warm'] as const) {
    before[rung] = byteMsAt(poolOf(world), rung, start_ms);
    t.is(poolOf(world)[rung].bytes, LIMIT_BYTES, rung);
  }
  world.now_ms += 10_000;
  for (const rung of ['plugged', 'warm'] as const) {
    const cost = byteMsAt(poolOf(world), rung, world.now_ms) - before[rung];
    t.is(cost, 10_000 * LIMIT_BYTES, rung);
  }
  world.invoke('f');
  t.is(poolOf(world).warm.bytes, 0, 'it runs, and costs the rung no more');
});

test('instances are started ahead in free regions, as many as are wanted beside those that run', (t) => {
  const world = worldOf(keeping(0, 2));
  const idle = (): number =>
    world.vmsOf('f')[0]?.instances.filter(({ phase }) => phase === 'idle').length ?? -1;
  t.is(idle(), 2);
  t.is(poolOf(world).warm.want, 2);
  const call = world.invoke('f');
  while (world.pendingTypes().some((one) => one !== 'invoke-instance')) {
    world.complete(world.pendingTypes().findIndex((one) => one !== 'invoke-instance'));
  }
  t.is(idle(), 2, 'another took its place');
  finish(world);
  t.like(world.reply(call), { outcome: 'done' });
});

test('under pressure the pool goes first, and none is made until that is over and a while after', (t) => {
  const world = worldOf(keeping(2, 1));
  const rungs = (): readonly [number, number] => [
    poolOf(world).plugged.bytes / LIMIT_BYTES,
    poolOf(world).warm.bytes / LIMIT_BYTES,
  ];
  t.deepEqual(rungs(), [2, 1]);
  world.context = { ...world.context, recording: true };
  world.hostMemory(0.9 * GIB);
  const gave = world.decisions.filter(({ answer }) => answer.startsWith('give way'));
  t.deepEqual(
    gave.map(({ answer, reason }) => `${answer}: ${reason}`),
    Array.from({ length: 2 }, () => 'give way plugged: the host is short of memory'),
  );
  finish(world);
  t.deepEqual(rungs(), [0, 1], 'what is plugged, and no instance yet');
  t.is(world.vmsOf('f')[0]?.regions.filter((one) => one.permit_bytes > 0).length, 1);
  world.hostMemory(40 * GIB);
  world.advance(world.state.config.pressure_calm_ms);
  world.hostMemory(40 * GIB);
  world.advance(world.state.config.pool_rest_ms);
  finish(world);
  t.deepEqual(rungs(), [2, 1]);
});

test('a start that lacks memory gets what others have ready, which is not made again at once', (t) => {
  const world = worldOf(keeping(4), 1.5);
  const { granted, capacity } = world.state;
  const free_bytes = capacity.host - granted.host;
  world.deploy('g', 'hotmem', { concurrency: 1, limit_bytes: free_bytes });
  finish(world);
  const ready_bytes = poolOf(world).plugged.bytes;
  t.true(ready_bytes > 0);
  world.context = { ...world.context, recording: true };
  const call = world.invoke('g');
  finish(world);
  t.like(world.reply(call), { outcome: 'done' });
  t.true(poolOf(world).plugged.bytes < ready_bytes);
  t.true((world.state.functions.get('f')?.pool_rest_until_ms ?? 0) > world.now_ms);
  const gave = world.decisions.find(({ answer }) => answer === 'give way plugged');
  t.like(gave, { function: 'f', policy: 'queue', reason: "'g' lacks memory" });
  t.like(gave?.inputs, { permit_bytes: LIMIT_BYTES });
});

test('an idle instance that ends for others is in the record of decisions, with who needs it', (t) => {
  const world = worldOf(keeping(0, 4), 1.5);
  const { granted, capacity } = world.state;
  const limit_bytes = capacity.host - granted.host;
  world.deploy('g', 'hotmem', { concurrency: 1, limit_bytes });
  finish(world);
  world.context = { policy: DEFAULT_POLICY, recording: true };
  world.invoke('g');
  const gave = world.decisions.filter(({ answer }) => answer === 'give way warm');
  t.true(gave.length > 0);
  t.like(gave[0], { function: 'f', policy: 'queue', reason: "'g' lacks memory" });
});

test('the next agent meters on with what stands ready, and counts anew', (t) => {
  const world = worldOf(keeping(1, 1));
  world.invoke('f');
  finish(world);
  const { state } = world;
  const all = {
    functions: new Map([...state.functions.values()].map(({ spec }) => [spec.name, null])),
    vms: new Map([...state.vms.values()].map(({ id }) => [id, null])),
    operations: new Map(),
  };
  const none = new World(8 * GIB).state;
  const stored = perTable(() => new Map<string, string>());
  for (const { table, key, row } of rowsBetween(none, state, all)) {
    if (row !== null) stored[table].set(key, row);
  }
  const again = hostOf(stored, state.capacity.host).functions.get('f')?.pool;
  t.is(again?.plugged.bytes, poolOf(world).plugged.bytes);
  t.is(again?.warm.bytes, poolOf(world).warm.bytes);
  t.like(again, { metered_at_ms: null, warm: { asked: 0, hits: 0, byte_ms: 0 } });
});
