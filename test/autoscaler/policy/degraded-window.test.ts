/** Six active buckets, eighteen degraded ones, then expired: moments worked out by hand. */
import test from 'ava';
import {
  DEGRADED_WINDOW_POLICY,
  degradedUntilMs,
} from '../../../autoscaler/policy/degraded-window.ts';
import { activeUntilMs } from '../../../autoscaler/policy/sliding-window.ts';
import { DEGRADED_BUCKETS } from '../../../autoscaler/policy/window.ts';
import { GIB } from '../../../base/units.ts';
import { complete, finish } from '../../agent/core/actions.ts';
import { World } from '../../agent/core/world.ts';

const MINUTE = 60_000;

for (const [used_min, active_min, degraded_min] of [
  [0, 60, 240],
  [9.999, 60, 240],
  [10, 70, 250],
  [25, 80, 260],
  [61, 120, 300],
] as const) {
  test(`used last at ${used_min} min: active until ${active_min}, expired at ${degraded_min} min`, (t) => {
    const active_ms = activeUntilMs(used_min * MINUTE);
    t.is(active_ms, active_min * MINUTE);
    t.is(degradedUntilMs(active_ms), degraded_min * MINUTE);
  });
}

test('the figures are those of the paper', (t) => t.is(DEGRADED_BUCKETS, 18));

/** A function with one idle instance of the first bucket. */
function idle(concurrency = 2): World {
  const world = new World(8 * GIB);
  world.now_ms = 0;
  world.context = { policy: DEGRADED_WINDOW_POLICY, recording: false };
  world.deploy('f', 'hotmem', { concurrency, keep_alive_ms: 1_000 });
  finish(world);
  world.invoke('f');
  finish(world);
  return world;
}

const plugged = (world: World): number =>
  world.vmsOf('f')[0]?.regions.filter((one) => one.plugged_bytes > 0).length ?? -1;
const instances = (world: World): number => world.vmsOf('f')[0]?.instances.length ?? -1;

/** Everything that is due until then has happened. */
function until(world: World, minutes: number): void {
  while (world.now_ms < minutes * MINUTE) {
    const wake_ms = world.wake_ms ?? Number.POSITIVE_INFINITY;
    world.advance(Math.max(0, Math.min(wake_ms, minutes * MINUTE) - world.now_ms));
    finish(world);
  }
}

test('an instance ends after an hour, its region stays plugged three hours more, then goes back', (t) => {
  const world = idle();
  until(world, 59.9);
  t.deepEqual([instances(world), plugged(world)], [1, 1], 'active');
  until(world, 60.1);
  t.deepEqual([instances(world), plugged(world)], [0, 1], 'degraded');
  until(world, 239.9);
  t.is(plugged(world), 1);
  until(world, 240.1);
  t.is(plugged(world), 0, 'expired');
  t.is(world.wake_ms, null, 'and nothing is due any more');
});

test('a call within the degraded buckets finds its region plugged, and is active again', (t) => {
  const world = idle();
  until(world, 100);
  t.deepEqual([instances(world), plugged(world)], [0, 1], 'its region is there');
  world.invoke('f');
  finish(world);
  until(world, 159.9);
  t.deepEqual([instances(world), plugged(world)], [1, 1]);
  until(world, 160.1);
  t.deepEqual([instances(world), plugged(world)], [0, 1]);
  until(world, 339.9);
  t.is(plugged(world), 1);
  until(world, 340.1);
  t.is(plugged(world), 0);
});

test('each degraded region expires with its own bucket', (t) => {
  const world = idle();
  until(world, 35);
  const both = [world.invoke('f'), world.invoke('f')];
  finish(world);
  for (const one of both) t.like(world.reply(one), { outcome: 'done' });
  until(world, 45);
  world.invoke('f');
  finish(world);
  until(world, 90.1);
  t.deepEqual([instances(world), plugged(world)], [1, 2]);
  until(world, 100.1);
  t.deepEqual([instances(world), plugged(world)], [0, 2]);
  until(world, 270.1);
  t.is(plugged(world), 1, 'that of the bucket of 35 min is expired');
  until(world, 280.1);
  t.is(plugged(world), 0);
});

test('what is degraded is forgotten with its VM', (t) => {
  const world = idle();
  until(world, 61);
  t.is(plugged(world), 1);
  world.invoke('f');
  complete(world, 'start-instance', 'vm-dies');
  finish(world);
  t.deepEqual([instances(world), plugged(world)], [0, 0], 'the next VM begins with nothing');
});
