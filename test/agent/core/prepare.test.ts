/** Regions that stand plugged are prepared by guests that can, who say so, and by no others. */
import test from 'ava';
import type { Action } from '../../../agent/model/actions.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import type { HostFacts } from '../../../agent/model/state.ts';
import { NO_POOL } from '../../../agent/model/pool.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

/** A function of which two regions are to stand plugged. */
function plugged(mechanism: MechanismName, series_revision: string, facts: HostFacts = {}): World {
  const world = new World(8 * GIB, facts);
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

test('where the operator has none prepared no guest is asked, and nobody looks for one', (t) => {
  const world = plugged('hotmem', '10', { prepare: false });
  t.is(world.vmsOf('f')[0]?.regions.filter(({ ready }) => ready).length, 2);
  world.restart();
  finish(world);
  t.deepEqual(prepared(world), []);
  t.deepEqual(bytesOn(world), [256, 0]);
  world.invoke('f');
  const { plugged: as_plugged, populated } = world.state.functions.get('f')?.pool ?? NO_POOL;
  t.like(as_plugged, { asked: 1, hits: 1 });
  t.like(populated, { asked: 0, hits: 0 });
});

const bytesOn = (world: World): readonly [number, number] => {
  const { plugged: nobodys, populated } = world.state.functions.get('f')?.pool ?? NO_POOL;
  return [nobodys.bytes / MIB, populated.bytes / MIB];
};

/** Nothing of the guest's word has come yet. */
function unprepared(): World {
  const world = new World(8 * GIB);
  world.series_revision = '10';
  world.deploy('f', 'hotmem', { concurrency: 4 });
  finish(world);
  world.setTargets('f', { reserve: 2 });
  while (world.pendingTypes().some((one) => one !== 'prepare-region')) {
    world.complete(world.pendingTypes().findIndex((one) => one !== 'prepare-region'));
  }
  return world;
}

test('what its guest says it has prepared stands on a rung of its own', (t) => {
  const world = unprepared();
  t.deepEqual(bytesOn(world), [256, 0]);
  world.complete(0);
  t.deepEqual(bytesOn(world), [128, 128]);
  world.complete(0, 'refuse');
  t.deepEqual(bytesOn(world), [128, 128], 'of the other nothing is ready');
});

test('more than is plugged is not believed, nor what is said of a region in use', (t) => {
  const world = unprepared();
  const [vm] = world.vmsOf('f');
  const regions = vm?.regions.filter(({ ready }) => ready) ?? [];
  const tell = (region_id: string, ready_bytes: number): void => {
    world.send({ type: 'region-prepared', vm_id: vm?.id ?? '', region_id, ready_bytes });
  };
  tell(regions[0]?.id ?? '', 64 * GIB);
  t.is(world.vmsOf('f')[0]?.regions[regions[0]?.index ?? 0]?.prepared_bytes, 128 * MIB);
  tell('nobody', 128 * MIB);
  world.invoke('f');
  finish(world);
  const held = world.vmsOf('f')[0]?.regions.find(({ holder }) => holder !== null);
  tell(held?.id ?? '', 128 * MIB);
  const now = world.vmsOf('f')[0]?.regions[held?.index ?? 0];
  t.falsy(now?.prepared_bytes);
});

test('a start that finds its region populated is a hit of both rungs', (t) => {
  const world = plugged('hotmem', '10');
  t.deepEqual(bytesOn(world), [0, 256]);
  world.invoke('f');
  const { plugged: as_plugged, populated } = world.state.functions.get('f')?.pool ?? NO_POOL;
  t.like(as_plugged, { asked: 1, hits: 1 });
  t.like(populated, { asked: 1, hits: 1 });
});

test('a start takes a populated region, though one that is plugged alone comes first', (t) => {
  const world = unprepared();
  const second = world.vmsOf('f')[0]?.regions.filter(({ ready }) => ready)[1];
  const vm_id = world.vmsOf('f')[0]?.id ?? '';
  const ready_bytes = second?.plugged_bytes ?? 0;
  world.send({ type: 'region-prepared', vm_id, region_id: second?.id ?? '', ready_bytes });
  world.invoke('f');
  t.is(world.vmsOf('f')[0]?.instances[0]?.region_index, second?.index);
  t.like(world.state.functions.get('f')?.pool.populated, { asked: 1, hits: 1 });
});

test('a start that comes before the guest is done is a hit of plugged alone', (t) => {
  const world = unprepared();
  world.invoke('f');
  const { plugged: as_plugged, populated } = world.state.functions.get('f')?.pool ?? NO_POOL;
  t.like(as_plugged, { asked: 1, hits: 1 });
  t.like(populated, { asked: 1, hits: 0 });
});

test('where no guest prepares nobody looked for a populated region', (t) => {
  const world = plugged('hotmem', '9');
  world.invoke('f');
  t.is(world.state.functions.get('f')?.pool.populated.asked, 0);
});

test('the next agent asks again where it did not hear that it was over', (t) => {
  const world = unprepared();
  world.complete(0);
  const asked = prepared(world).length;
  world.restart();
  finish(world);
  t.is(prepared(world).length, asked + 1);
  t.deepEqual(bytesOn(world), [0, 256]);
});
