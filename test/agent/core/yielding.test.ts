/** Reclaim yields the CPU: each test is a sentence of its design. */
import test from 'ava';
import { DEFAULT_QUEUE, type QueueConfig } from '../../../agent/model/operation-queue.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

/** A host with one function of two regions; its one instance is to end next. */
function endingSoon(queue: Partial<QueueConfig> = {}, slo: FunctionSpec['reclaim_slo'] = null) {
  const settings = { ...DEFAULT_QUEUE, whole_ms: 0, yields: true, ...queue };
  const world = new World(8 * GIB, { queue: settings, host_keep_bytes: GIB });
  world.context = { ...world.context, recording: true };
  world.deploy('f', 'hotmem', { limit_bytes: 256 * MIB, concurrency: 2, reclaim_slo: slo });
  finish(world);
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  return world;
}

/** The instance has ended, and its unplug is under way. */
function givingBack(queue: Partial<QueueConfig> = {}): World {
  const world = endingSoon(queue);
  complete(world, 'stop');
  return world;
}

const told = (world: World): boolean[] =>
  world.actions.flatMap((one) => (one.type === 'yield-cpu' ? [one.yields] : []));

test('a VM that only gives memory back yields from the first step to the end of the last', (t) => {
  const world = givingBack();
  t.deepEqual(told(world), [true]);
  complete(world, 'unplug');
  t.deepEqual(told(world), [true], 'between two steps it goes on');
  complete(world, 'unplug');
  t.deepEqual(told(world), [true, false]);
  const said = world.decisions.filter(({ answer }) => answer?.startsWith('yield'));
  t.deepEqual(
    said.map(({ question, reason }) => [question, reason]),
    [['queue', 'nobody waits for what it gives back']],
    'which is told once',
  );
});

test('it yields while its instances end, too, for as long again at most', (t) => {
  const world = endingSoon();
  t.deepEqual(told(world), [true]);
  world.advance(DEFAULT_QUEUE.wait_ms.reclaim);
  t.deepEqual(told(world), [true, false]);
  complete(world, 'stop');
  t.deepEqual(told(world), [true, false, true], 'an unplug has a bound of its own');
});

test('what is promised to be quick never yields', (t) => {
  const world = endingSoon({}, { ms_per_gib: 10, percentile: 99 });
  complete(world, 'stop');
  t.deepEqual(told(world), []);
});

test('a call of its function ends it in the same step', (t) => {
  const world = givingBack();
  world.invoke('f');
  t.deepEqual(told(world), [true, false]);
  const from = world.actions.length;
  finish(world);
  t.false(world.actions.slice(from).some((one) => one.type === 'yield-cpu' && one.yields));
});

test('a host that is short, a drain and a removal end it', (t) => {
  const ends: readonly ((world: World) => void)[] = [
    (world) => world.hostMemory(0),
    (world) => void world.drain('f'),
    (world) => void world.remove('f'),
  ];
  for (const end of ends) {
    const world = givingBack();
    end(world);
    t.deepEqual(told(world), [true, false]);
  }
});

test('after the bound of its wait it runs as before, and does not yield again', (t) => {
  const world = givingBack();
  const { reclaim } = DEFAULT_QUEUE.wait_ms;
  world.advance(reclaim - 1);
  t.deepEqual(told(world), [true]);
  world.advance(1);
  t.deepEqual(told(world), [true, false]);
  complete(world, 'unplug');
  complete(world, 'unplug');
  t.deepEqual(told(world), [true, false]);
});

test('an agent that takes over knows of none, and none is adopted low', (t) => {
  const world = givingBack();
  world.restart();
  t.deepEqual(world.state.queue.yielding, []);
  t.deepEqual(told(world), [true, false]);
});

test('without it nothing yields', (t) => {
  t.deepEqual(told(givingBack({ yields: false })), []);
});
