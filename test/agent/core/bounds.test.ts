/** A function's own bounds of instances, whatever its policy says. */
import test from 'ava';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

/** A function whose VM serves. */
function running(spec: Partial<FunctionSpec>): World {
  const world = new World(8 * GIB);
  world.deploy('f', 'virtio-mem', { keep_alive_ms: 10_000, ...spec });
  world.complete(0);
  return world;
}

const instancesOf = (world: World) => world.state.vms.get('vm1')?.instances ?? [];
const startsOf = (world: World) => world.state.vms.get('vm1')?.instances_started;

test('the least instances are started when a VM serves, and outlive the idle time', (t) => {
  const world = running({ concurrency: 4, instances: { min: 2, max: null } });
  finish(world);
  const phases = () => instancesOf(world).map(({ phase }) => phase);
  t.deepEqual(phases(), ['idle', 'idle']);
  world.invoke('f');
  world.invoke('f');
  world.invoke('f');
  finish(world);
  t.is(phases().length, 3);
  world.advance(60_000);
  finish(world);
  t.deepEqual(phases(), ['idle', 'idle'], 'the third was idle too long');
});

test('VMs for all of the least instances are launched at once, and no more', (t) => {
  const min = { instances: { min: 5, max: null }, concurrency: 2, max_vms: 4 };
  const world = running({ ...min, keep_alive_ms: 1e6 });
  t.is(world.vmsOf('f').length, 3, 'when the first serves, two more');
  finish(world);
  t.is(world.vmsOf('f').length, 3);
  const idle = world.vmsOf('f').flatMap(({ instances }) => instances);
  t.deepEqual(new Set(idle.map(({ phase }) => phase)), new Set(['idle']));
  t.is(idle.length, 5);
});

test('there are never more than the most: others wait for them', (t) => {
  const world = running({ concurrency: 4, instances: { min: 0, max: 2 } });
  const asked = [world.invoke('f'), world.invoke('f'), world.invoke('f')];
  t.is(instancesOf(world).length, 2);
  finish(world);
  for (const one of asked) t.like(world.reply(one), { outcome: 'done' });
  t.is(startsOf(world), 2);
});

test('one that ends counts among the most until it is gone: its memory is not free yet', (t) => {
  const world = running({ concurrency: 2, instances: { min: 0, max: 1 } });
  world.invoke('f');
  finish(world);
  world.advance(10_000);
  t.deepEqual(world.pendingTypes(), ['stop-instance']);
  const request = world.invoke('f');
  t.deepEqual(world.pendingTypes(), ['stop-instance']);
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
});

test('an instance that is to be kept and cannot start is tried again after a while, not at once', (t) => {
  const world = running({ concurrency: 2, instances: { min: 1, max: null } });
  t.is(startsOf(world), 1);
  world.complete(
    world.pendingTypes().findIndex((one) => one.startsWith('start')),
    'fail',
  );
  finish(world);
  t.is(startsOf(world), 1, 'not at once');
  world.advance(world.state.config.start_again_ms);
  t.is(startsOf(world), 2);
});

test('a drain ends those that are kept, and they come back after it', (t) => {
  const world = running({ concurrency: 2, instances: { min: 1, max: null } });
  finish(world);
  const drained = world.drain('f');
  t.deepEqual(world.pendingTypes(), ['stop-instance'], 'and none starts meanwhile');
  finish(world);
  t.like(world.reply(drained), { kind: 'drain', instances_stopped: 1 });
  world.advance(world.state.config.start_again_ms);
  finish(world);
  t.is(instancesOf(world).length, 1);
});
