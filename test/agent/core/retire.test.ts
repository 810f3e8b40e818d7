/** VMs that retire: drained or quarantined, replaced, and ended while the function serves. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { type Fault, World } from './world.ts';

/** A function with one VM, of one region, that runs. */
function deployed(mechanism: MechanismName = 'hotmem', limit_bytes: number = 8 * GIB): World {
  const world = new World(limit_bytes);
  world.deploy('f', mechanism, { concurrency: 1, keep_alive_ms: 0 });
  finish(world);
  return world;
}

function drainVm(world: World, vm_id: string): string {
  const request_id = world.request();
  world.send({ type: 'drain', request_id, function: 'f', vm_id });
  return request_id;
}

const ids = (world: World) => world.vmsOf('f').map(({ id }) => id);

test('a VM that is drained takes no new work, is replaced at once, and ends when its work is over', (t) => {
  const world = deployed();
  const [old = ''] = ids(world);
  const running = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  t.deepEqual(world.pendingTypes(), ['invoke-instance']);
  const drained = drainVm(world, old);
  t.deepEqual(world.pendingTypes(), ['invoke-instance', 'launch-vm']);
  const next = world.invoke('f');
  complete(world, 'launch-vm');
  for (const type of ['plug', 'start']) complete(world, type);
  t.deepEqual(world.pendingTypes(), ['invoke-instance', 'invoke-instance'], 'both serve');
  t.is(world.reply(drained), undefined);
  finish(world);
  for (const one of [running, next]) t.like(world.reply(one), { outcome: 'done' });
  t.like(world.reply(drained), { kind: 'drain' });
  t.false(ids(world).includes(old));
  t.is(ids(world).length, 1);
  t.is(world.state.functions.get('f')?.phase, 'serving');
});

test('idle instances of a VM that is drained stop, and others are drained by no word of it', (t) => {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem', { concurrency: 1, max_vms: 2, keep_alive_ms: 60_000 });
  finish(world);
  for (let count = 0; count < 2; count += 1) world.invoke('f');
  finish(world);
  const [first = '', second = ''] = ids(world);
  const drained = drainVm(world, first);
  finish(world);
  t.like(world.reply(drained), { kind: 'drain', instances_stopped: 1 });
  t.false(ids(world).includes(first));
  const other = world.vmsOf('f').find(({ id }) => id === second);
  t.deepEqual(
    other?.instances.map(({ phase }) => phase),
    ['idle'],
  );
});

test('what runs in a VM that is drained may go on for a while, and ends with it then', (t) => {
  const world = deployed();
  const running = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  drainVm(world, ids(world)[0] ?? '');
  complete(world, 'launch-vm');
  world.advance(AGENT_LIMITS.vm_retire_ms - 100);
  t.is(world.reply(running), undefined);
  world.advance(200);
  t.like(world.reply(running), { outcome: 'failed' });
  t.true(world.pendingTypes().includes('shutdown-vm'));
});

test('without memory for another, a VM that is drained stays until there is some', (t) => {
  const world = deployed('hotmem', 700 * MIB);
  world.deploy('g', 'hotmem', { concurrency: 1 });
  finish(world);
  const drained = drainVm(world, ids(world)[0] ?? '');
  finish(world);
  t.is(ids(world).length, 1, 'no function is lost to a drain');
  const waits = world.invoke('f');
  finish(world);
  t.is(world.reply(waits), undefined);
  world.remove('g');
  finish(world);
  world.advance(10_000);
  finish(world);
  t.like(world.reply(waits), { outcome: 'done' });
  t.like(world.reply(drained), { kind: 'drain' });
});

test('a VM that is not of the function, or does not serve, is not drained', (t) => {
  const world = deployed();
  for (const vm_id of ['vm99', '']) {
    t.like(world.reply(drainVm(world, vm_id)), { failure: { code: 'HP_AGENT_NO_VM' } });
  }
});

/** A guest that is silent for `silent_ms` and then answers. */
function silentFor(silent_ms: number): World {
  const world = deployed();
  world.health(0, false);
  world.advance(silent_ms);
  return world;
}

test('a guest that is silent for 5 s goes on as it was', (t) => {
  const world = silentFor(5_000);
  t.deepEqual(world.reports, []);
  world.health(0, true);
  world.advance(600_000);
  t.deepEqual(world.pendingTypes(), []);
  t.is(ids(world).length, 1);
});

test('a guest that is silent for 90 s is quarantined and replaced, and does not come back', (t) => {
  const world = deployed();
  const [old = ''] = ids(world);
  const running = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  world.health(0, false);
  world.advance(90_000);
  t.deepEqual(world.reports, ['HP_AGENT_VM_QUARANTINED']);
  t.deepEqual(world.pendingTypes(), ['invoke-instance', 'launch-vm']);
  const waits = world.invoke('f');
  t.is(world.reply(waits), undefined, 'it waits for the VM in its place');
  world.health(0, true);
  complete(world, 'launch-vm');
  t.true(world.pendingTypes().includes('start-instance'));
  finish(world);
  for (const one of [running, waits]) t.like(world.reply(one), { outcome: 'done' });
  t.false(ids(world).includes(old));
  t.is(ids(world).length, 1);
});

test('a guest that stays silent for 300 s is ended with what runs in it, and the function serves', (t) => {
  const world = deployed();
  const running = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  world.health(0, false);
  world.advance(90_000);
  complete(world, 'launch-vm');
  world.advance(AGENT_LIMITS.vm_unresponsive_ms);
  t.like(world.reply(running), { outcome: 'failed', failure: { code: 'HP_AGENT_UNRESPONSIVE' } });
  complete(world, 'shutdown-vm');
  const next = world.invoke('f');
  finish(world);
  t.like(world.reply(next), { outcome: 'done' });
});

/** An instance came and went, and its guest gave back nothing, or a little of it, each time. */
function keeping(mechanism: MechanismName, fault: Fault): World {
  const world = deployed(mechanism);
  world.invoke('f');
  for (const type of ['plug', 'start', 'invoke', 'stop']) complete(world, type);
  for (let tries = 0; tries < AGENT_LIMITS.unplug_attempts; tries += 1) {
    complete(world, 'unplug', fault);
    if (world.pending.length === 0) world.advance(40_000);
  }
  return world;
}

for (const fault of ['stall', 'partial'] as const) {
  test(`a guest that keeps memory is quarantined and replaced: ${fault} of every unplug`, (t) => {
    const world = keeping('hotmem', fault);
    t.true(world.reports.includes('HP_AGENT_VM_QUARANTINED'), world.reports.join());
    finish(world);
    t.is(ids(world).length, 1);
    t.deepEqual(
      [...world.truth.regions()].filter(({ plugged_bytes }) => plugged_bytes > 0),
      [],
    );
    const next = world.invoke('f');
    finish(world);
    t.like(world.reply(next), { outcome: 'done' });
  });
}

test('a mechanism that is known to keep memory is not judged by it', (t) => {
  const world = keeping('virtio-mem', 'partial');
  t.deepEqual(world.reports, ['HP_AGENT_UNPLUG_GIVEN_UP']);
  t.is(ids(world).length, 1);
});
