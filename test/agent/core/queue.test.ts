/** The queue of operations: each test is a sentence of its design. */
import test from 'ava';
import { grantedBytes } from '../../../agent/core/permits.ts';
import { DEFAULT_QUEUE, type QueueConfig } from '../../../agent/model/operation-queue.ts';
import type { OperationOrder } from '../../../agent/model/operations.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const BOOT = 256 * MIB;
const REGION = 512 * MIB;

/** As usual, but that all goes in steps, however fast it goes. */
const IN_STEPS: QueueConfig = { ...DEFAULT_QUEUE, whole_ms: 0 };

/** A host with one function of 512 MiB; `idle`: so many of its instances are there, and idle. */
function hostWith(
  idle: number,
  queue: Partial<QueueConfig> = {},
  part: Partial<FunctionSpec> = {},
): World {
  const world = new World(8 * GIB, { queue: { ...IN_STEPS, ...queue } });
  world.context = { ...world.context, recording: true };
  world.deploy('f', 'hotmem', { limit_bytes: REGION, concurrency: 2, ...part });
  finish(world);
  for (let count = 0; count < idle; count += 1) world.invoke('f');
  finish(world);
  world.decisions.length = 0;
  return world;
}

const orders = (world: World): OperationOrder[] =>
  world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order] : []));
const said = (world: World): string[] =>
  world.decisions
    .filter(({ question }) => question === 'queue')
    .map(({ answer, reason }) => `${answer}: ${reason}`);

test('an unplug goes in steps, and each gives its part of the permit back', (t) => {
  const world = hostWith(1);
  world.advance(1_000);
  complete(world, 'stop');
  for (const left of [3, 2, 1, 0]) {
    const [order] = orders(world);
    t.like(order, { kind: 'unplug', cause: 'stop', to_bytes: left * 128 * MIB });
    complete(world, 'unplug');
    t.is(grantedBytes(world.state), BOOT + left * 128 * MIB);
  }
  t.deepEqual(world.pending, []);
  t.is(world.state.operations.size, 0);
});

test('what goes fast goes whole: steps come where the function has seen a slow one', (t) => {
  const world = hostWith(2, { whole_ms: DEFAULT_QUEUE.whole_ms });
  world.advance(1_000);
  complete(world, 'stop');
  const [first] = orders(world);
  t.like(first, { kind: 'unplug', to_bytes: 0 }, 'nothing is foreseen of the first');
  world.advance(DEFAULT_QUEUE.whole_ms + 1);
  complete(world, 'unplug');
  complete(world, 'stop');
  const [second] = orders(world);
  t.like(second, { kind: 'unplug', to_bytes: REGION - 128 * MIB }, 'the first took too long');
});

test('a step that ends in part ends the operation, and the rest is tried again later', (t) => {
  const world = hostWith(1);
  world.advance(1_000);
  complete(world, 'stop');
  complete(world, 'unplug');
  complete(world, 'unplug', 'partial');
  t.deepEqual(world.pending, []);
  t.is(grantedBytes(world.state), BOOT + 320 * MIB);
  t.is(world.vmsOf('f')[0]?.regions[0]?.unplug_attempts, 1);
  world.quiesce();
  t.is(grantedBytes(world.state), BOOT);
});

test('a start for which no region is free takes one on its way back, at the border of a step', (t) => {
  const world = hostWith(1, {}, { concurrency: 1 });
  world.advance(1_000);
  complete(world, 'stop');
  complete(world, 'unplug');
  const request = world.invoke('f');
  t.deepEqual(world.pendingTypes(), ['unplug r0'], 'the step under way is not broken off');
  complete(world, 'unplug');
  const [order] = orders(world);
  t.like(order, { kind: 'plug', cause: 'start', from_bytes: 256 * MIB, to_bytes: REGION });
  const ended = world.actions.filter(({ type }) => type === 'end-steps');
  t.like(ended, [{ order: { steps: 2, final_bytes: 0 }, reason: 'its region is wanted' }]);
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
  t.true(said(world).some((line) => /^cut op\d+: 1 starts have no region$/.test(line)));
});

test('an unplug that waits for its turn is taken back at once, with all that is plugged', (t) => {
  const world = hostWith(2, { tokens_max: 1 });
  world.advance(1_000);
  complete(world, 'stop');
  complete(world, 'stop');
  t.is(orders(world).length, 1, 'one token');
  t.is(world.state.queue.waiting, 1);
  world.invoke('f');
  const [first, second] = orders(world);
  t.is(first?.kind, 'unplug');
  t.like(second, { kind: 'plug', cause: 'start', from_bytes: REGION, to_bytes: REGION });
});

test('what is given back waits for a start in its VM, and is not sent between its steps', (t) => {
  const world = hostWith(1, {}, { concurrency: 3 });
  world.advance(1_000);
  complete(world, 'stop');
  world.invoke('f');
  t.deepEqual(world.pendingTypes(), ['unplug r0', 'plug r1', 'start-instance']);
  complete(world, 'unplug');
  t.deepEqual(world.pendingTypes(), ['plug r1', 'start-instance'], 'it is held at the border');
  t.true(said(world).some((line) => /^hold op\d+: start op\d+ of its VM is under way$/.test(line)));
  complete(world, 'plug');
  t.true(world.pendingTypes().includes('unplug r0'), 'and goes on when the plug is over');
});

test('nothing is held for longer than the bound of its class', (t) => {
  const world = hostWith(
    1,
    { wait_ms: { ...DEFAULT_QUEUE.wait_ms, reclaim: 300 } },
    { concurrency: 3 },
  );
  world.advance(1_000);
  complete(world, 'stop');
  world.invoke('f');
  complete(world, 'unplug');
  world.advance(299);
  t.false(world.pendingTypes().includes('unplug r0'));
  world.advance(1);
  t.true(world.pendingTypes().includes('unplug r0'));
  t.like(
    orders(world).find(({ kind }) => kind === 'unplug'),
    { held_ms: 300 },
  );
  complete(world, 'unplug r0');
  t.true(world.pendingTypes().includes('unplug r0'), 'its next step is not held again');
});

test('what somebody waits for is not held for a start', (t) => {
  const world = new World(2 * BOOT + 2 * REGION);
  for (const name of ['f', 'g']) world.deploy(name, 'hotmem', { limit_bytes: REGION });
  finish(world);
  world.invoke('f');
  finish(world);
  world.invoke('f');
  world.invoke('f');
  finish(world);
  world.invoke('g');
  complete(world, 'stop');
  t.deepEqual(world.state.short, ['g']);
  t.true(orders(world).some(({ kind }) => kind === 'unplug'));
  t.is(world.state.queue.waiting, 0);
});

test('of several starts the one with the least time left goes first', (t) => {
  const world = new World(8 * GIB, { queue: { ...IN_STEPS, at_once_max: 1 } });
  for (const [name, deadline_ms] of [
    ['late', 5_000],
    ['soon', 500],
    ['none', null],
  ] as const) {
    world.deploy(name, 'hotmem', { deadline_ms, concurrency: 3 });
  }
  finish(world);
  for (const name of ['none', 'none', 'late', 'soon']) world.invoke(name);
  const sent: string[] = [];
  while (orders(world).length > 0) {
    sent.push(orders(world)[0]?.function ?? '');
    complete(world, 'plug');
  }
  t.deepEqual(sent, ['none', 'soon', 'late', 'none'], 'the first was under way when they came');
});

test('a region is made ready only when no start of its VM is under way', (t) => {
  const world = hostWith(0, {}, { concurrency: 3 });
  const { policy } = world.context;
  world.context = {
    ...world.context,
    policy: { ...policy, scale: (view) => ({ ...policy.scale(view), plugged: 1 }) },
  };
  world.invoke('f');
  t.deepEqual(
    orders(world).map(({ cause }) => cause),
    ['start'],
  );
  complete(world, 'plug');
  t.deepEqual(
    orders(world).map(({ cause }) => cause),
    ['pool'],
  );
});

test('of several unplugs the one whose promise is due first goes first', (t) => {
  // A step is all of it, so that none waits for its bound in between.
  const queue = { ...IN_STEPS, step_bytes: null, tokens_max: 1 };
  const world = new World(8 * GIB, { queue });
  const promises = { first: null, late: 200, soon: 20 };
  for (const [name, ms_per_gib] of Object.entries(promises)) {
    const reclaim_slo = ms_per_gib === null ? null : { ms_per_gib, percentile: 99 };
    world.deploy(name, 'hotmem', { reclaim_slo, limit_bytes: REGION });
  }
  finish(world);
  for (const name of Object.keys(promises)) world.invoke(name);
  finish(world);
  world.advance(1_000);
  for (const _ of Object.keys(promises)) complete(world, 'stop');
  const sent: string[] = [];
  while (orders(world).length > 0) {
    sent.push(orders(world)[0]?.function ?? '');
    complete(world, 'unplug');
  }
  t.deepEqual(sent, ['first', 'soon', 'late'], 'one token');
});

test('a promise is predicted before, and kept or explained after', (t) => {
  const world = hostWith(
    1,
    {},
    { reclaim_slo: { ms_per_gib: 20, percentile: 99 }, concurrency: 3 },
  );
  const giveBack = (between: () => void): void => {
    complete(world, 'stop');
    complete(world, 'unplug');
    between();
    while (world.pendingTypes().some((one) => one.startsWith('unplug'))) complete(world, 'unplug');
  };
  world.advance(1_000);
  giveBack(() => undefined);
  t.like(world.state.functions.get('f')?.reclaim, { kept: 1, late: 0 }, '4 steps of 1 ms each');
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  giveBack(() => world.advance(30));
  const { last_late, late } = world.state.functions.get('f')?.reclaim ?? {};
  t.is(late, 1);
  t.like(last_late, { promised_ms: 10, took_ms: 34 });
  t.regex(
    last_late?.because ?? '',
    /^it waited 0.0 ms for its turn, and VMM and guest took 34.0 ms/,
  );
  const promises = said(world).filter((line) => line.startsWith('promise'));
  t.regex(promises[0] ?? '', /10.0 ms promised, nothing is known of it yet$/);
  t.regex(promises[1] ?? '', /10.0 ms promised, 4\.\d ms predicted$/);
});
