/** Tokens: how much of large unplugs is under way at once, and what that follows from. */
import test from 'ava';
import { DEFAULT_QUEUE, type QueueConfig } from '../../../agent/model/operation-queue.ts';
import type { OperationOrder } from '../../../agent/model/operations.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const REGION = 512 * MIB;
/** All that is given back, at once or in steps. */
const WHOLE: Partial<QueueConfig> = { step_bytes: null };
const IN_STEPS: Partial<QueueConfig> = { whole_ms: 0 };

interface Scene {
  readonly cpus: number;
  readonly queue: Partial<QueueConfig>;
  /** Of each function: so many regions of this size, whose instances are idle. */
  readonly functions?: readonly Partial<FunctionSpec>[];
}

/** Functions whose idle instances all end at the same time; the first ends first. */
function hostWith({ cpus, queue, functions = [{ concurrency: 4 }] }: Scene): World {
  const settings = { ...DEFAULT_QUEUE, ...queue };
  const world = new World(16 * GIB, { host_cpus: cpus, queue: settings });
  world.context = { ...world.context, recording: true };
  for (const [index, part] of functions.entries()) {
    world.deploy(nameOf(index), 'hotmem', { limit_bytes: REGION, concurrency: 1, ...part });
  }
  finish(world);
  fill(world);
  return world;
}

const nameOf = (index: number): string => ['f', 'g', 'h'][index] ?? '';

/** Every region of every function gets an instance, which is idle then. */
function fill(world: World): void {
  for (const { spec } of world.functions()) {
    for (let one = 0; one < spec.concurrency; one += 1) world.invoke(spec.name);
  }
  finish(world);
}

/** They have been idle for as long as they may be, and have stopped. */
function endAll(world: World): void {
  world.advance(1_000);
  while (world.pendingTypes().includes('stop-instance')) complete(world, 'stop-instance');
}

const orders = (world: World): OperationOrder[] =>
  world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order] : []));
const said = (world: World): string[] =>
  world.decisions
    .filter(({ question }) => question === 'queue')
    .map(({ answer, reason }) => `${answer}: ${reason}`);

/** How many were under way at once, one after the other until all are over. */
function underWay(world: World): number[] {
  const counts: number[] = [];
  for (let sent = orders(world).length; sent > 0; sent = orders(world).length) {
    counts.push(sent);
    complete(world, 'unplug');
  }
  return counts;
}

const most = (counts: readonly number[]): number => Math.max(...counts);

/** Four unplugs of 512 MiB in one VM: how many are under way at once. */
const FOUR: readonly (readonly [string, Scene, number])[] = [
  ['in steps, a step a CPU', { cpus: 2, queue: IN_STEPS }, 2],
  ['in steps, on one CPU', { cpus: 1, queue: IN_STEPS }, 1],
  ['whole, each of which needs four tokens', { cpus: 2, queue: WHOLE }, 1],
  ['whole, with tokens for two', { cpus: 8, queue: WHOLE }, 2],
  ['whole, with more than are needed', { cpus: 64, queue: WHOLE }, 4],
  ['in steps, as many as are asked for', { cpus: 2, queue: { ...IN_STEPS, tokens_first: 3 } }, 3],
  ['in steps, with few at most', { cpus: 8, queue: { ...IN_STEPS, tokens_max: 2 } }, 2],
];
for (const [what, scene, expected] of FOUR) {
  test(`at first there is a token for each CPU of the host: ${what}`, (t) => {
    const world = hostWith(scene);
    endAll(world);
    t.is(most(underWay(world)), expected);
    t.is(world.state.queue.heavy, 0);
  });
}

test('an unplug of no more than a step needs no token', (t) => {
  const world = hostWith({
    cpus: 1,
    queue: WHOLE,
    functions: [{ concurrency: 4, limit_bytes: 128 * MIB }],
  });
  endAll(world);
  t.is(orders(world).length, 4);
  t.is(world.state.queue.heavy, 0);
});

test('one that waits for tokens is not passed by a smaller one that has come later', (t) => {
  const functions = [{}, {}, { limit_bytes: 256 * MIB }];
  const world = hostWith({ cpus: 6, queue: WHOLE, functions });
  endAll(world);
  const sent: string[][] = [];
  while (orders(world).length > 0) {
    sent.push(orders(world).map(({ function: name }) => name));
    complete(world, 'unplug');
  }
  // Four tokens each and two: the last would fit beside the first.
  t.deepEqual(sent, [['f'], ['g', 'h'], ['h']]);
  t.true(
    said(world).some((line) => /^hold op\d+: it needs 4 tokens, and 4 of 6 are taken$/.test(line)),
  );
});

test('nothing waits for tokens for longer than its bound', (t) => {
  const world = hostWith({ cpus: 1, queue: WHOLE });
  endAll(world);
  t.is(orders(world).length, 1);
  world.advance(DEFAULT_QUEUE.wait_ms.reclaim - 4);
  t.is(orders(world).length, 1);
  world.advance(4);
  t.is(orders(world).length, 4, 'they go, whatever is under way');
});

/** They all start, end and are given back in an epoch of their own; how many tokens came of it. */
function cycles(world: World, count: number, beside: () => void): number[] {
  const tokens: number[] = [];
  for (let cycle = 0; cycle < count; cycle += 1) {
    fill(world);
    endAll(world);
    beside();
    underWay(world);
    world.advance(2 * DEFAULT_QUEUE.epoch_ms);
    tokens.push(world.state.queue.tokens);
  }
  return tokens;
}

test('where nothing runs beside them there is one token more after each epoch', (t) => {
  const world = hostWith({ cpus: 1, queue: { ...WHOLE, tokens_max: 4 } });
  t.deepEqual(
    cycles(world, 6, () => undefined),
    [1, 2, 3, 4, 4, 4],
  );
  t.true(said(world).includes('tokens 2: nothing ran beside what was given back'));
});

test('of a call that goes on beside them nothing is known, and nothing is concluded', (t) => {
  const world = hostWith({ cpus: 1, queue: { ...WHOLE, tokens_max: 4 } });
  world.deploy('near', 'hotmem');
  finish(world);
  world.invoke('near');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  const running = world.pending.splice(world.pendingTypes().indexOf('invoke-instance'), 1);
  t.deepEqual(
    cycles(world, 3, () => undefined),
    [1, 1, 1],
  );
  world.pending.push(...running);
  finish(world);
  t.deepEqual(cycles(world, 3, () => undefined).at(-1), 3, 'it has ended');
});

test('tokens grow by one while neighbours run as usual, and are halved when one is slowed down', (t) => {
  const queue = { ...IN_STEPS, tokens_max: 4, epoch_ms: 100 };
  const world = hostWith({ cpus: 4, queue, functions: [{ keep_alive_ms: 10_000 }] });
  world.deploy('near', 'hotmem', { keep_alive_ms: 100_000 });
  finish(world);
  const call = (took_ms: number): void => {
    world.invoke('near');
    world.advance(took_ms);
    complete(world, 'invoke-instance');
  };
  world.invoke('near');
  finish(world);
  for (let count = 0; count < 20; count += 1) call(10);
  world.drain('f');
  complete(world, 'stop');
  t.is(world.state.queue.heavy, 1, 'it is under way from here on');
  const told: number[] = [];
  for (let count = 0; count < 40; count += 1) {
    const took_ms = count < 8 ? 30 : 10;
    call(took_ms);
    const { tokens } = world.state.queue;
    if (told.at(-1) !== tokens) told.push(tokens);
  }
  t.deepEqual(told, [4, 2, 1, 2, 3, 4]);
  t.true(said(world).some((line) => line.startsWith('tokens 2: the worst neighbour ran ')));
});

test('two CPUs and one neighbour that is slowed down: one step at a time from the next burst on', (t) => {
  const world = hostWith({ cpus: 2, queue: IN_STEPS });
  world.deploy('near', 'hotmem', { keep_alive_ms: 1_000_000 });
  finish(world);
  const call = (took_ms: number): void => {
    world.invoke('near');
    if (!world.pendingTypes().includes('invoke-instance')) complete(world, 'start-instance');
    world.advance(took_ms);
    complete(world, 'invoke-instance');
  };
  world.invoke('near');
  finish(world);
  for (let count = 0; count < 10; count += 1) call(10);
  const seen: number[] = [];
  for (let burst = 0; burst < 2; burst += 1) {
    fill(world);
    endAll(world);
    seen.push(orders(world).length);
    for (let count = 0; count < 3; count += 1) call(30);
    underWay(world);
    world.advance(2 * DEFAULT_QUEUE.epoch_ms);
  }
  t.deepEqual(seen, [2, 1]);
});
