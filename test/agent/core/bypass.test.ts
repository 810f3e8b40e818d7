/** Which regions stay plugged for a start to come, where holding memory has a price. */
import test from 'ava';
import { grantedBytes } from '../../../agent/core/permits.ts';
import { DEFAULT_QUEUE } from '../../../agent/model/operation-queue.ts';
import type { OperationOrder } from '../../../agent/model/operations.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const BOOT = 256 * MIB;
const REGION = 512 * MIB;

/** A function whose instances end with their call; a region pays after some 1.5 s by this price. */
function hostAt(hold_ms_per_gib_s: number): World {
  const queue = { ...DEFAULT_QUEUE, hold_ms_per_gib_s };
  const world = new World(8 * GIB, { queue });
  world.context = { ...world.context, recording: true };
  world.deploy('f', 'hotmem', { limit_bytes: REGION, concurrency: 4, keep_alive_ms: 0 });
  finish(world);
  return world;
}

const orders = (world: World): OperationOrder[] =>
  world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order] : []));
const kept = (world: World): number =>
  world.vmsOf('f').flatMap(({ regions }) => regions.filter(({ ready }) => ready)).length;

/** Time passes, and all that it brings is done. */
function until(world: World, at_ms: number): void {
  while (world.now_ms < at_ms) {
    const wake_ms = world.wake_ms ?? Infinity;
    world.advance(Math.max(0, Math.min(at_ms, wake_ms) - world.now_ms));
    finish(world);
  }
}

/** So many at once, each for a moment. */
function call(world: World, count: number): void {
  for (let one = 0; one < count; one += 1) world.invoke('f');
  finish(world);
}

interface Calls {
  readonly at_ms: number;
  readonly count: number;
}

const every = (gap_ms: number, count: number, times = 8): Calls[] =>
  Array.from({ length: times }, (_, index) => ({ at_ms: (index + 1) * gap_ms, count }));

/** Calls, and how many regions stay plugged after the last of them. */
const SCENES: readonly (readonly [string, readonly Calls[], number])[] = [
  ['one call each half second', every(500, 1), 1],
  ['one call each five seconds', every(5_000, 1), 0],
  ['four at once each half second', every(500, 4), 4],
  ['four at once each five seconds', every(5_000, 4), 0],
  ['four at once each two seconds', every(2_000, 4), 0],
  [
    'four at once each five seconds, and one each half second between',
    [...every(500, 1, 80), ...every(5_000, 4)],
    1,
  ],
  [
    'four at once each five seconds, and two each half second between',
    [...every(500, 2, 80), ...every(5_000, 4)],
    2,
  ],
  ['four at once, once', every(500, 4, 1), 0],
];
for (const [what, calls, expected] of SCENES) {
  test(`by when this region is needed again: ${what}`, (t) => {
    const world = hostAt(100);
    for (const { at_ms, count } of calls.toSorted(
      (a, b) => a.at_ms - b.at_ms || a.count - b.count,
    )) {
      until(world, at_ms);
      call(world, count);
    }
    t.is(kept(world), expected);
    world.quiesce();
    t.is(grantedBytes(world.state), BOOT, 'and none stays for ever');
  });
}

test('what is kept serves the next burst, which plugs the rest', (t) => {
  const world = hostAt(100);
  for (const { at_ms } of every(500, 2, 4)) {
    until(world, at_ms);
    call(world, 2);
  }
  t.is(kept(world), 2);
  until(world, 2_500);
  for (let one = 0; one < 3; one += 1) world.invoke('f');
  const had = orders(world).map(({ from_bytes }) => from_bytes);
  t.deepEqual(had, [REGION, REGION, 0]);
});

test('what is wanted again before giving it back has paid stays plugged, and only so long', (t) => {
  const world = hostAt(100);
  for (const { at_ms } of every(200, 1, 3)) {
    until(world, at_ms);
    call(world, 1);
  }
  const [region] = world.vmsOf('f')[0]?.regions ?? [];
  t.like(region, { ready: true, plugged_bytes: REGION, holder: null });
  const until_ms = region?.keep_until_ms ?? 0;
  world.advance(until_ms - world.now_ms - 1);
  t.deepEqual(world.pending, []);
  world.advance(1);
  t.like(orders(world), [{ cause: 'pool', kind: 'unplug', to_bytes: 0 }]);
  finish(world);
  t.is(grantedBytes(world.state), BOOT);
});

test('why it stays or goes has a record, with the depth and what it was reckoned from', (t) => {
  const world = hostAt(100);
  world.decisions.length = 0;
  for (const { at_ms } of every(500, 2, 3)) {
    until(world, at_ms);
    call(world, 2);
  }
  const told = world.decisions.filter(({ answer }) => /^(bypass|give back)$/.test(answer));
  const [first, last] = [told[0], told.at(-1)];
  t.like(first, { question: 'queue', answer: 'give back', inputs: { depth: 2 } });
  t.regex(
    first?.reason ?? '',
    /^nothing is known of when 2 at once are in use again: giving it back/,
  );
  t.like(last, { answer: 'bypass', inputs: { depth: 1, known: 2, in_time: 2 } });
  t.regex(
    last?.reason ?? '',
    /^1 at once are in use again after \d+ ms, as a rule: giving it back pays after \d+ ms$/,
  );
  const { after_ms = 0, kept_ms = 0, payback_ms = 0 } = last?.inputs ?? {};
  t.true(after_ms > 400 && after_ms < 600 && kept_ms > 400 && payback_ms > after_ms);
});

test('without a price nothing is learned of depths', (t) => {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem', { limit_bytes: REGION, keep_alive_ms: 0 });
  finish(world);
  call(world, 1);
  t.deepEqual(world.state.functions.get('f')?.pace.depths, []);
});

test('in a VM of an earlier definition nothing is kept plugged for a start to come', (t) => {
  const world = hostAt(100);
  for (let count = 0; count < 3; count += 1) {
    world.advance(200);
    world.invoke('f');
    if (count < 2) finish(world);
  }
  for (const type of ['plug', 'start']) complete(world, type);
  world.update('f', { vcpus: 2 });
  for (const type of ['invoke', 'stop']) complete(world, type);
  t.like(orders(world), [{ cause: 'stop', kind: 'unplug' }]);
});
