/** Each asking for a span has a number of its guest's: no word of one is for another. */
import test from 'ava';
import { MIB } from '../../../base/units.ts';
import { complete } from './actions.ts';
import { ask, busy, close, killed, regions, resizes, told } from './span-world.ts';

test('a late word that a span is closed is nothing to who asks for the next one', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB, 1);
  complete(world, 'plug');
  close(world, 'data', 1);
  complete(world, 'unplug');
  ask(world, 'data', 32 * MIB, 2);
  // It asks for the second one already when the agent hears that it wanted no answer to the first.
  close(world, 'data', 1);
  complete(world, 'plug');
  t.like(told(world).at(-1), { type: 'open-span', span: 'data', serial: 2 });
  t.is(regions(world)[2]?.plugged_bytes, 32 * MIB);
  close(world, 'data', 2);
  t.deepEqual(resizes(world), ['close r2']);
});

test('the end of a later one alone is heard: so is the end of the one that was open', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB, 1);
  complete(world, 'plug');
  // News of one span that come too fast are told by the last of them.
  close(world, 'data', 2);
  t.deepEqual(resizes(world), ['close r2']);
});

test('who asks anew for more before the first was there has what it asked for last', (t) => {
  const world = busy();
  ask(world, 'data', 4 * MIB, 1);
  t.deepEqual(resizes(world), ['open r2']);
  ask(world, 'data', 64 * MIB, 2);
  complete(world, 'plug');
  complete(world, 'plug');
  t.like(told(world), [{ type: 'open-span', span: 'data', serial: 2 }]);
  t.is(regions(world)[2]?.plugged_bytes, 64 * MIB);
});

test('closed and asked for again with the same size while no agent was there: it comes', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB, 1);
  complete(world, 'plug');
  killed(world, [{ serial: 2 }]);
  complete(world, 'unplug');
  complete(world, 'plug');
  t.like(told(world), [{ type: 'open-span', span: 'data', serial: 2 }]);
});
