/**
 * Goal: where another share of near memory is wanted than an idle instance has, its unused memory
 * changes its tier: never below its size, each tier within its budget, and with nothing lost.
 */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { InstanceState } from '../../../agent/model/state.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { complete, finish } from './actions.ts';
import { FAULTS } from './outcomes.ts';
import { both, QUARTER, running, SIZE, TABLE } from './split.ts';
import type { World } from './world.ts';

const AUTO = { far_node: 2, share: null, table: TABLE };
const ROOM = { near: 3 * GIB, far: 4 * GIB };
const KEEP_ALIVE_MS = 8_000;

/** One instance, which began with a quarter near, and is called often enough for a half. */
function called(part: Partial<FunctionSpec> = {}, room: Parameters<typeof running>[1] = ROOM) {
  const { keep_alive_ms = KEEP_ALIVE_MS } = part;
  const shape = { mechanism: 'hotmem', concurrency: 1, tiers: AUTO } as const;
  const world = running({ ...shape, ...part, keep_alive_ms }, room);
  world.invoke('f');
  finish(world);
  callFor(world, keep_alive_ms / 4 - 200, 25);
  return world;
}

function callFor(world: World, for_ms: number, gap_ms: number): void {
  const end_ms = world.now_ms + for_ms;
  while (world.now_ms < end_ms) {
    world.now_ms += gap_ms;
    world.invoke('f');
    finish(world);
  }
}

/** The first call that ends once the instance has rested. */
function lastCall(world: World, gap_ms = 25): void {
  world.now_ms += 300;
  for (let call = 0; call < 20; call += 1) {
    world.now_ms += gap_ms;
    world.invoke('f');
    complete(world, 'invoke-instance');
    if (world.pending.length > 0) return;
  }
}

const only = (world: World): InstanceState | undefined => world.vmsOf('f')[0]?.instances[0];
const kept = (world: World): readonly number[] => {
  const { near_bytes = 0, far_bytes = 0 } = only(world)?.parts ?? {};
  return [near_bytes / MIB, far_bytes / MIB];
};
const gains = (world: World): number =>
  world.actions.filter((one) => one.type === 'resize-region' && one.order.cause === 'gain').length;

test('at a high rate near memory is plugged after a call, and as much far memory goes back', (t) => {
  const world = called();
  t.deepEqual(both(world), [128, 384]);
  world.context = { policy: DEFAULT_POLICY, recording: true };
  lastCall(world);
  t.deepEqual(world.pendingTypes(), ['plug r0']);
  t.deepEqual(both(world), [256, 384], 'granted before it is there');
  const told = world.decisions.findLast(({ policy }) => policy === 'tiers');
  t.like(told, { question: 'size', answer: 'share 0.5' });
  t.like(told?.inputs, { near_bytes: 256 * MIB, far_bytes: 256 * MIB });
  complete(world, 'plug r0');
  t.deepEqual(world.pendingTypes(), ['unplug r1']);
  t.deepEqual(kept(world), [256, 256]);
  complete(world, 'unplug r1');
  t.deepEqual(both(world), [256, 256]);
  t.deepEqual(world.pendingTypes(), []);
  t.is(only(world)?.parts?.chosen?.share, 0.5);
  t.is(only(world)?.phase, 'idle');
});

test('a warm call that wants the larger share finds it, and at a low rate it goes back again', (t) => {
  const world = called();
  lastCall(world);
  finish(world);
  world.context = { policy: DEFAULT_POLICY, recording: true };
  world.invoke('f');
  const placed = world.decisions.findLast(({ question }) => question === 'place');
  t.like(placed?.inputs, { share: 0.5, near_enough: 1 });
  finish(world);
  callFor(world, 60_000, 6_000);
  t.deepEqual(both(world), [128, 384]);
  t.deepEqual(kept(world), [128, 384]);
  t.true(gains(world) >= 2, 'there, and back');
});

test('it rests between two moves, however often the wanted share changes', (t) => {
  const world = called({ keep_alive_ms: 40_000 });
  for (let round = 0; round < 10; round += 1) {
    callFor(world, 1_000, 25);
    world.now_ms += 3_000;
    callFor(world, 1, 1);
  }
  const most = Math.ceil(world.now_ms / 10_000);
  t.true(gains(world) <= most, `${gains(world)} in ${world.now_ms} ms`);
});

test('with one share, in nodes of a guest, or without two parts, nothing moves', (t) => {
  for (const part of [
    { tiers: QUARTER },
    { mechanism: 'numa' },
    { tiers: { ...AUTO, table: { ...TABLE, rows: [{ share: 1, latency_ms: 10 }] } } },
    { tiers: null },
  ] as const) {
    const world = called(part);
    callFor(world, KEEP_ALIVE_MS, 25);
    t.is(gains(world), 0);
    t.is(only(world)?.parts?.moved, undefined);
  }
});

test('without near memory for it, or while somebody is short, it stays as it is', (t) => {
  const world = called({}, { near: 512 * MIB, far: 4 * GIB });
  world.deploy('g', 'hotmem', { limit_bytes: 384 * MIB, host_node: 1, keep_alive_ms: 1e6 });
  finish(world);
  world.invoke('g');
  finish(world);
  callFor(world, KEEP_ALIVE_MS, 25);
  t.deepEqual(both(world), [512, 384]);
  t.is(gains(world), 0);
  t.deepEqual(world.reports, []);
});

test('a call that comes meanwhile takes the instance as it is, and the move goes on', (t) => {
  const world = called();
  lastCall(world);
  const request = world.invoke('f');
  t.true(world.pendingTypes().includes('invoke-instance'));
  const waiting = world.invoke('f');
  complete(world, 'plug r0');
  t.true(world.pendingTypes().includes('unplug r1'), 'no call holds the memory of both parts');
  complete(world, 'invoke-instance');
  complete(world, 'unplug r1');
  finish(world);
  for (const one of [request, waiting]) t.like(world.reply(one), { outcome: 'done', cold: false });
  t.deepEqual(both(world), [256, 256]);
  t.deepEqual(kept(world), [256, 256]);
});

test('a definition that comes meanwhile leaves no move half made', (t) => {
  for (const part of [
    { tiers: QUARTER },
    { tiers: { ...AUTO, table: { ...TABLE, slo_ms: 2 * TABLE.slo_ms } } },
    // It needs VMs of its own.
    { vcpus: 2 },
  ] as const) {
    const world = called();
    lastCall(world);
    const { spec } = world.state.functions.get('f') ?? {};
    world.deploy('f', 'hotmem', { ...spec, ...part });
    complete(world, 'plug r0');
    complete(world, 'unplug r1');
    const [near = 0, far = 0] = kept(world);
    t.is(near + far, 512);
    t.deepEqual(both(world), [near, far]);
  }
});

test('a tail that is in use is asked for once in a keep-alive, however short that is', (t) => {
  for (const keep_alive_ms of [0, 1_000, 60_000]) {
    const spec = { keep_alive_ms, instances: { min: 1, max: null, warm: null } };
    const world = called(spec);
    const before = gains(world);
    const begin_ms = world.now_ms;
    const end_ms = begin_ms + 240_000;
    while (world.now_ms < end_ms) {
      world.now_ms += 25;
      world.invoke('f');
      for (let left = 12; left > 0 && world.pending.length > 0; left -= 1) {
        const [first] = world.pendingTypes();
        world.complete(0, first === 'unplug r1' ? 'refuse' : 'none');
      }
    }
    const rest_ms = Math.max(keep_alive_ms, world.state.config.resize_hold_ms);
    // There, and back.
    const most = 2 + (2 * (world.now_ms - begin_ms)) / rest_ms;
    t.true(gains(world) - before <= most, `${gains(world) - before} of ${most}`);
  }
});

test('an instance that ends gains nothing that still waits for its turn', (t) => {
  const world = called();
  const { config } = world.state;
  const queue = { ...config.queue, at_once_max: 1 };
  world.state = { ...world.state, config: { ...config, queue } };
  world.deploy('g', 'hotmem', { limit_bytes: 128 * MIB, concurrency: 1, keep_alive_ms: 1e6 });
  finish(world);
  world.invoke('g');
  lastCall(world);
  const sent = gains(world);
  t.is(sent, 0, 'the start of another one is under way');
  t.deepEqual(both(world), [256, 384], 'it is granted');
  world.drain('f');
  t.deepEqual(both(world), [128, 384], 'and is not any more');
  finish(world);
  t.is(gains(world), 0);
  t.deepEqual(both(world), [0, 0]);
});

test('what the far part could not cede is near no longer, and both are as they were', (t) => {
  for (const fault of ['stall', 'partial', 'refuse', 'fail'] as const) {
    const world = called();
    lastCall(world);
    complete(world, 'plug r0');
    complete(world, 'unplug r1', fault);
    t.deepEqual(world.pendingTypes(), ['plug r1'], 'its VMM is asked for it again');
    complete(world, 'plug r1');
    t.deepEqual(world.pendingTypes(), ['unplug r0']);
    complete(world, 'unplug r0');
    t.deepEqual(both(world), [128, 384], fault);
    t.deepEqual(kept(world), [128, 384]);
    t.is(only(world)?.phase, 'idle');
  }
});

test('what did not gain gives back what it got of it', (t) => {
  for (const fault of ['stall', 'partial', 'refuse', 'fail'] as const) {
    const world = called({ keep_alive_ms: 16_000 });
    lastCall(world);
    complete(world, 'plug r0', fault);
    world.advance(world.state.config.resize_hold_ms);
    finish(world);
    t.deepEqual(both(world), [128, 384], fault);
    t.deepEqual(kept(world), [128, 384]);
  }
});

test('what is known to be in use is not asked for', (t) => {
  const world = called();
  const vm_id = world.vmsOf('f')[0]?.id ?? '';
  const regions = [{ region_id: 'r1', used_bytes: 300 * MIB }];
  world.send({ type: 'usage', vm_id, regions });
  callFor(world, KEEP_ALIVE_MS, 25);
  t.is(gains(world), 0);
  lastCall(world);
  world.send({ type: 'usage', vm_id, regions: [{ region_id: 'r1', used_bytes: 100 * MIB }] });
  lastCall(world);
  t.deepEqual(world.pendingTypes(), ['plug r0']);
  world.send({ type: 'usage', vm_id, regions });
  finish(world);
  t.deepEqual(both(world), [128, 384], 'it came to be used meanwhile');
});

test('a promise about memory that is given up says nothing of what changes its tier', (t) => {
  const world = called({ reclaim_slo: { ms_per_gib: 20, percentile: 99 } });
  lastCall(world);
  finish(world);
  t.deepEqual(both(world), [256, 256]);
  t.is(world.state.functions.get('f')?.reclaim, null);
});

test('another agent goes on with a move at each of its steps', (t) => {
  for (const before of [[], ['plug r0'], ['plug r0', 'unplug r1']]) {
    const world = called();
    lastCall(world);
    for (const done of before) complete(world, done);
    world.restart();
    complete(world, 'adopt-vm');
    finish(world);
    world.quiesce();
    if (!only(world)) t.deepEqual(both(world), [0, 0]);
    else t.is(both(world)[0], kept(world)[0]);
    world.drain('f');
    world.quiesce();
    t.deepEqual(both(world), [0, 0]);
  }
});

const ends = fc.oneof(
  { weight: 12, arbitrary: fc.constant('none' as const) },
  { weight: 3, arbitrary: fc.constantFrom(...FAULTS) },
);
const faults = fc.array(ends, { maxLength: 40, size: 'max' });
const moves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('call' as const), gap_ms: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('rest' as const), ms: fc.nat(9_000) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('use' as const), at: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('deploy' as const), is_fixed: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('late' as const) }) },
  ),
  { maxLength: 60, size: 'max' },
);
const rooms = fc.record({
  near: fc.constantFrom(256 * MIB, 512 * MIB, GIB),
  far: fc.constantFrom(512 * MIB, GIB),
});

/** What must hold after each step is checked by World. */
test('each part keeps what it is to have, within its budget, whatever ends how', async (t) => {
  let moved = 0;
  const property = fc.property(moves, faults, rooms, (all, ended, room) => {
    const shape = { concurrency: 2, max_vms: 2, keep_alive_ms: 3_000 };
    const world = called(shape, room);
    callFor(world, world.state.config.resize_hold_ms - 600, 25);
    let at = 0;
    const next = () => ended[at++ % Math.max(1, ended.length)] ?? 'none';
    for (const one of all) {
      if (one.kind === 'call') {
        world.now_ms += one.gap_ms;
        world.invoke('f');
        for (let left = 12; left > 0 && world.pending.length > 0; left -= 1) {
          world.complete(at, next());
        }
      } else if (one.kind === 'rest') world.advance(one.ms);
      else if (one.kind === 'use') world.use(one.at, 0.25 * one.at);
      else if (one.kind === 'restart') world.restart();
      else if (one.kind === 'deploy') {
        const tiers = one.is_fixed ? QUARTER : AUTO;
        world.deploy('f', 'hotmem', { ...SIZE, ...shape, tiers });
      } else world.invoke('f');
    }
    moved += gains(world);
    world.quiesce();
    world.remove('f');
    world.quiesce();
    if (both(world).some((mib) => mib > 0)) throw new Error('something is granted for nobody');
  });
  await holds(t, property, { runs: 400 });
  t.log(`${moved} times a part gained`);
  t.true(moved > 0);
});
