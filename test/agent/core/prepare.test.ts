/** Regions that stand plugged are prepared by guests that can, and by no others. */
import test from 'ava';
import type { Action } from '../../../agent/model/actions.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

/** A function of which two regions are to stand plugged. */
function plugged(mechanism: MechanismName, series_revision: string): World {
  const world = new World(8 * GIB);
  world.series_revision = series_revision;
  world.deploy('f', mechanism, { concurrency: 4 });
  finish(world);
  world.send({
    type: 'set-targets',
    request_id: world.request(),
    function: 'f',
    values: { ...NO_VALUES, reserve: 2 },
    for_ms: null,
    author: 'somebody',
    reason: 'the test',
    revision: null,
  });
  finish(world);
  return world;
}

const prepared = (world: World): Extract<Action, { type: 'prepare-region' }>[] =>
  world.actions.filter((one) => one.type === 'prepare-region');

test('each is prepared once, as large as it is', (t) => {
  const world = plugged('hotmem', '10');
  const ready = world.vmsOf('f')[0]?.regions.filter((one) => one.ready) ?? [];
  t.is(ready.length, 2);
  t.deepEqual(
    prepared(world).map(({ region_id, bytes }) => ({ region_id, bytes })),
    ready.map(({ id, plugged_bytes }) => ({ region_id: id, bytes: plugged_bytes })),
  );
  t.is(ready[0]?.plugged_bytes, 128 * MIB);
  world.advance(60_000);
  finish(world);
  t.is(prepared(world).length, 2);
});

test('a region that is plugged for a start is not: somebody waits for it', (t) => {
  const world = new World(8 * GIB);
  world.series_revision = '11';
  world.deploy('f', 'hotmem');
  finish(world);
  world.invoke('f');
  finish(world);
  t.deepEqual(prepared(world), []);
});

for (const [mechanism, revision] of [
  ['hotmem', '9'],
  ['hotmem', ''],
  ['virtio-mem', '10'],
  ['numa', '10'],
] as const) {
  test(`not by ${mechanism} on a kernel of revision '${revision}'`, (t) => {
    const world = plugged(mechanism, revision);
    t.is(world.vmsOf('f')[0]?.regions.filter(({ ready }) => ready).length, 2);
    t.deepEqual(prepared(world), []);
  });
}
