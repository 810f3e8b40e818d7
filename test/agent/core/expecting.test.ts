/**
 * Calls that are foreseen have an instance when they come, and whoever is to be over first goes
 * first: each test is a sentence of it.
 */
import test from 'ava';
import { DEFAULT_QUEUE, NO_QUEUE, type QueueConfig } from '../../../agent/model/operation-queue.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const REGION = 512 * MIB;

function hostOf(
  part: Partial<FunctionSpec> = {},
  limit_bytes: number = 16 * GIB,
  queue: QueueConfig = DEFAULT_QUEUE,
): World {
  const world = new World(limit_bytes, { queue });
  world.deploy('f', 'hotmem', { limit_bytes: REGION, concurrency: 4, ...part });
  finish(world);
  return world;
}

/** It has started once and run for 10 ms: both are known from then on. Nothing of it is left. */
function known(world: World): void {
  world.invoke('f');
  complete(world, 'plug');
  complete(world, 'start-instance');
  world.advance(10);
  complete(world, 'invoke-instance');
  world.advance(1_100);
  finish(world);
}

/** Calls that come so much later each. */
function expect(world: World, in_ms: readonly number[], until_ms = 60_000): void {
  const calls = in_ms.map((ms, index) => {
    return { id: `c${index}`, at_ms: world.now_ms + ms, until_ms: world.now_ms + until_ms };
  });
  world.send({ type: 'expect', function: 'f', calls, dropped: [] });
}

const starts = (world: World, name = 'f'): number =>
  world
    .vmsOf(name)
    .flatMap(({ instances }) => instances)
    .filter(({ phase }) => phase === 'starting').length;

function call(world: World, deadline_at_ms?: number, expected?: string): string {
  const request_id = world.request();
  const about = { function: 'f', invocation_id: 'x', timeout_ms: null };
  world.send({
    type: 'invoke',
    request_id,
    ...about,
    ...(deadline_at_ms === undefined ? {} : { deadline_at_ms }),
    ...(expected === undefined ? {} : { expected }),
  });
  return request_id;
}

test('a foreseen call has its instance started as long before as a start takes', (t) => {
  const world = hostOf();
  known(world);
  expect(world, [500]);
  t.is(starts(world), 0, 'too early');
  world.advance(400);
  t.is(starts(world), 0, 'still');
  world.advance(99);
  t.is(starts(world), 1);
  finish(world);
  world.now_ms += 1;
  const id = call(world, undefined, 'c0');
  finish(world);
  t.like(world.reply(id), { kind: 'invoke', outcome: 'done', cold: false });
  t.deepEqual(world.state.functions.get('f')?.expected, []);
});

test('what is foreseen, and what is started and kept for it, is in the record of decisions', (t) => {
  const world = hostOf();
  known(world);
  world.context = { ...world.context, recording: true };
  const told = (): string[] =>
    world.decisions
      .filter(({ policy }) => policy === 'foreseen')
      .map(({ answer, reason }) => `${answer}: ${reason}`);
  expect(world, [500]);
  t.deepEqual(told(), ['expect 1: the first of these in 500 ms']);
  world.advance(499);
  t.deepEqual(told().slice(1), [
    'start 1, keep 0: calls of DAGs that are foreseen: 1; a start takes 1 ms',
  ]);
  finish(world);
  expect(world, [20_000]);
  world.advance(1_500);
  t.is(told().at(-1), 'start 0, keep 1: calls of DAGs that are foreseen: 1; a start takes 1 ms');
  world.send({ type: 'expect', function: 'f', calls: [], dropped: ['c0'] });
  t.is(told().at(-1), 'expect 0: null');
});

test('where nothing is known of a start, it is made at once', (t) => {
  const world = hostOf();
  expect(world, [5_000]);
  t.is(starts(world), 1);
});

test('calls one after the other share an instance, and calls at once have one each', (t) => {
  const after = hostOf();
  known(after);
  expect(after, [1, 101, 201]);
  for (const id of ['c0', 'c1', 'c2']) {
    finish(after);
    call(after, undefined, id);
    finish(after);
    after.advance(90);
  }
  t.is(after.vmsOf('f')[0]?.instances_started, 2, 'that of before, and one for all of them');

  const at_once = hostOf();
  known(at_once);
  expect(at_once, [1, 5, 9]);
  at_once.advance(20);
  t.is(starts(at_once), 3);
});

test('what is idle already is kept for a call that comes, beyond its keep-alive', (t) => {
  const world = hostOf({ keep_alive_ms: 100 });
  world.invoke('f');
  finish(world);
  expect(world, [300], 1_000);
  world.advance(400);
  t.deepEqual(world.pendingTypes(), [], 'it is neither stopped nor is another one started');
  world.advance(700);
  t.deepEqual(world.pendingTypes(), ['stop-instance'], 'nobody came: it is forgotten');
});

test('what is not foreseen any more starts nothing', (t) => {
  const world = hostOf();
  known(world);
  expect(world, [500]);
  world.send({ type: 'expect', function: 'f', calls: [], dropped: ['c0'] });
  world.advance(1_000);
  t.is(starts(world), 0);
  world.send({ type: 'expect', function: 'nobody', calls: [], dropped: ['c0'] });
});

test('there are never more instances for it than the function may have', (t) => {
  const world = hostOf({ instances: { min: 0, max: 2 } });
  expect(world, [0, 0, 0, 0]);
  t.is(starts(world), 2);
});

test('nothing is started ahead while anybody waits for memory', (t) => {
  const world = hostOf({}, 2 * GIB);
  world.deploy('g', 'hotmem', { limit_bytes: REGION, concurrency: 4, boot_bytes: 256 * MIB });
  finish(world);
  for (let count = 0; count < 3; count += 1) world.invoke('g');
  complete(world, 'plug');
  t.true(world.state.short.includes('g') || starts(world, 'g') === 3);
  expect(world, [0]);
  t.is(starts(world), 0);
});

test('no instance is made ahead while somebody drains, or in a VM that is to end', (t) => {
  const world = hostOf();
  world.invoke('f');
  finish(world);
  world.drain('f');
  expect(world, [0, 0]);
  t.is(starts(world), 0);
});

test('of those that wait, who is to be over first goes first', (t) => {
  const world = hostOf({ concurrency: 1 });
  known(world);
  const running = call(world);
  complete(world, 'plug');
  complete(world, 'start-instance');
  const [late, soon, plain] = [
    call(world, world.now_ms + 900),
    call(world, world.now_ms + 100),
    call(world),
  ];
  const order: string[] = [];
  for (const id of [running, soon, late, plain]) {
    while (!world.reply(id)) world.complete(0);
    order.push([running, late, soon, plain].filter((one) => world.reply(one)).join());
  }
  t.deepEqual(order, [
    running,
    [running, soon].join(),
    [running, late, soon].join(),
    [running, late, soon, plain].join(),
  ]);
});

test('without an order by slack who came first goes first, whatever is to be over when', (t) => {
  const world = hostOf({ concurrency: 1 }, 16 * GIB, NO_QUEUE);
  known(world);
  const first = call(world, world.now_ms + 900);
  const second = call(world, world.now_ms + 800);
  const third = call(world, world.now_ms + 100);
  while (!world.reply(second)) world.complete(0);
  t.truthy(world.reply(first));
  t.falsy(world.reply(third));
});
