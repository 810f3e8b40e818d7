/** A host that is cordoned takes nothing new; one that is drained is emptied, and comes back. */
import test from 'ava';
import { availabilityOf } from '../../../agent/model/cordon.ts';
import { MECHANISMS } from '../../../agent/model/mechanism.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const CORDONED = { failure: { code: 'HP_AGENT_HOST_CORDONED' } };

/** A function `f` that serves, and keeps idle instances for a minute. */
function serving(part: Parameters<World['deploy']>[2] = {}): World {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem', { concurrency: 2, keep_alive_ms: 60_000, ...part });
  finish(world);
  return world;
}

const available = (world: World) => availabilityOf(world.state);

test('a cordoned host serves on what is there, and starts nothing new', (t) => {
  const world = serving();
  world.invoke('f');
  finish(world);
  t.like(world.reply(world.cordon('cordon')), { kind: 'cordon' });
  t.is(available(world), 'cordoned');
  const warm = world.invoke('f');
  const waits = world.invoke('f');
  finish(world);
  for (const one of [warm, waits]) t.like(world.reply(one), { outcome: 'done', cold: false });
  t.is(world.vmsOf('f')[0]?.instances.length, 1, 'the second one waited for the first');
});

test('a cordoned host refuses what would have to start, and says by whom and why', (t) => {
  const world = serving();
  world.cordon('cordon');
  const cold = world.reply(world.invoke('f'));
  t.like(cold, CORDONED);
  t.like(cold, { failure: { details: { author: 'ada', reason: 'new firmware' } } });
  t.like(world.reply(world.deploy('g')), CORDONED);
  t.false(world.state.functions.has('g'));
  t.like(world.reply(world.deploy('f', 'hotmem', { concurrency: 2, keep_alive_ms: 60_000 })), {
    kind: 'deploy',
  });
});

test('a cordon without a reason keeps that of the one before', (t) => {
  const world = serving();
  world.cordon('cordon', 'disk errors');
  world.cordon('drain', '');
  t.is(world.state.cordon?.reason, 'disk errors');
  world.cordon('cordon', 'other disk errors');
  t.is(world.state.cordon?.reason, 'other disk errors');
  world.cordon(null);
  world.cordon('cordon', '');
  t.is(world.state.cordon?.reason, '');
});

test('who waits for an instance that is no more, on a cordoned host, is refused', (t) => {
  const world = serving({ concurrency: 1 });
  world.invoke('f');
  const waits = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  world.cordon('cordon');
  t.is(world.reply(waits), undefined);
  complete(world, 'invoke-instance', 'instance-exits');
  finish(world);
  t.like(world.reply(waits), CORDONED);
});

test('memory plugged ahead of starts is given back by a cordoned host', (t) => {
  const world = serving();
  world.setTargets('f', { reserve: 1, instances_min: 1 });
  finish(world);
  const plugged = () => world.vmsOf('f')[0]?.regions.filter((one) => one.plugged_bytes > 0).length;
  t.is(plugged(), 2);
  world.cordon('cordon');
  finish(world);
  t.is(plugged(), 1, 'that of the instance that is kept');
  world.cordon(null);
  finish(world);
  t.is(plugged(), 2);
});

for (const mechanism of MECHANISMS.names) {
  test(`a drain ends idle instances now, busy ones when they are done, then the VM (${mechanism})`, (t) => {
    const world = new World(8 * GIB);
    world.deploy('f', mechanism, { concurrency: 2, keep_alive_ms: 60_000 });
    finish(world);
    const first = world.invoke('f');
    finish(world);
    t.like(world.reply(first), { outcome: 'done' });
    const runs = world.invoke('f');
    const queued = world.invoke('f');
    while (!world.pendingTypes().every((type) => type === 'invoke-instance')) {
      const index = world.pendingTypes().findIndex((type) => type !== 'invoke-instance');
      world.complete(index);
    }
    world.cordon('drain');
    t.like(world.reply(world.invoke('f')), CORDONED);
    t.is(available(world), 'draining');
    t.is(world.reply(runs), undefined, 'what runs may end');
    finish(world);
    for (const one of [runs, queued]) t.like(world.reply(one), { outcome: 'done' });
    t.is(available(world), 'drained');
    t.is(world.state.granted.host, 0, 'all memory is back');
    t.is(world.state.functions.get('f')?.phase, 'lost');
    t.like(world.reply(world.invoke('f')), CORDONED);
  });
}

test('functions of a drained host come back without it, with their targets', (t) => {
  const world = serving();
  world.setTargets('f', { warm: 1 });
  finish(world);
  world.cordon('drain');
  finish(world);
  t.is(available(world), 'drained');
  world.cordon(null);
  const invoked = world.invoke('f');
  finish(world);
  t.like(world.reply(invoked), { outcome: 'done' });
  t.is(available(world), 'open');
  t.is(world.state.functions.get('f')?.targets?.values.warm, 1);
  t.is(world.vmsOf('f').length, 1);
});

test('a drain and its end while VMs still end: their functions come back when they have', (t) => {
  const world = serving();
  world.cordon('drain');
  t.deepEqual(world.pendingTypes(), ['shutdown-vm']);
  world.cordon(null);
  finish(world);
  t.is(world.state.functions.get('f')?.phase, 'serving');
  t.is(world.vmsOf('f').length, 1);
});

test('a function that is still deployed when the host is drained is told, and forgotten', (t) => {
  const world = new World(8 * GIB);
  const asked = world.deploy('f');
  world.cordon('drain');
  finish(world);
  t.like(world.reply(asked), CORDONED);
  t.is(world.state.functions.size, 0);
  t.is(available(world), 'drained');
});

test('one that comes back and is drained again on its way is not forgotten', (t) => {
  const world = serving();
  world.cordon('drain');
  finish(world);
  world.cordon(null);
  t.deepEqual(world.pendingTypes(), ['launch-vm']);
  world.cordon('drain');
  finish(world);
  t.is(available(world), 'drained');
  world.cordon(null);
  finish(world);
  t.is(world.state.functions.get('f')?.phase, 'serving');
});

test('a function for which there is no memory any more says so, and is there to be deployed', (t) => {
  const world = new World(700 * MIB);
  world.deploy('f', 'hotmem', { concurrency: 1 });
  finish(world);
  world.cordon('drain');
  finish(world);
  const less = { ...world.state, capacity: { ...world.state.capacity, host: 100 * MIB } };
  world.state = less;
  world.cordon(null);
  t.is(world.state.functions.get('f')?.phase, 'lost');
  t.is(world.state.functions.get('f')?.failure?.code, 'HP_AGENT_NO_MEMORY');
  t.deepEqual(world.reports, ['HP_AGENT_NO_MEMORY']);
});

test('a cordon does not stop a drain, the end of it does', (t) => {
  const world = serving({ concurrency: 1 });
  world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  world.cordon('drain');
  world.cordon('cordon');
  t.is(available(world), 'draining');
  world.cordon(null);
  t.is(available(world), 'open');
  finish(world);
  t.is(world.vmsOf('f')[0]?.phase, 'running');
});

test('a drain goes on after a restart of the agent, with what runs in its VMs', (t) => {
  const world = serving({ concurrency: 1 });
  const runs = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  world.cordon('drain');
  world.restart();
  t.is(available(world), 'draining');
  t.deepEqual(world.pendingTypes(), ['adopt-vm']);
  finish(world);
  t.truthy(world.reply(runs));
  t.is(available(world), 'drained');
});

test('VMs of an earlier agent that would not end keep a host from being drained', (t) => {
  const world = new World(8 * GIB, { earlier_vms: [{ id: 'vm1', pid: 7, bytes: GIB }] });
  world.cordon('drain');
  t.is(available(world), 'draining');
});

test('a removal goes on while the host is drained', (t) => {
  const world = serving();
  world.invoke('f');
  finish(world);
  world.cordon('drain');
  const removed = world.remove('f');
  finish(world);
  t.like(world.reply(removed), { kind: 'remove' });
  t.is(world.state.functions.size, 0);
  t.is(available(world), 'drained');
});
