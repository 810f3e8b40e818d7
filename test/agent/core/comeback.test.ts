/** A function that lost its last VM gets another: at once, then later each time. */
import test from 'ava';
import type { FunctionState } from '../../../agent/model/state.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

/** A function `f` of one VM that serves. */
function serving(): World {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem', { concurrency: 1, max_vms: 1, keep_alive_ms: 60_000 });
  finish(world);
  return world;
}

const fn = (world: World): FunctionState | undefined => world.state.functions.get('f');

/** The VMM of the VM there is, or is to be, is killed while it is asked for something. */
function loseVm(world: World): void {
  if (!world.pendingTypes().includes('launch-vm')) world.invoke('f');
  world.complete(0, 'vm-dies');
  while (world.pendingTypes().some((type) => type !== 'shutdown-vm')) {
    const index = world.pendingTypes().findIndex((type) => type !== 'shutdown-vm');
    world.pending.splice(index, 1);
  }
  complete(world, 'shutdown');
}

test('calls after the only VM was lost are done by another one, nobody having deployed again', (t) => {
  const world = serving();
  const broken = world.invoke('f');
  world.complete(0, 'vm-dies');
  t.like(world.reply(broken), { outcome: 'failed' });
  const waits = world.invoke('f');
  t.is(world.reply(waits), undefined, 'the old one is on its way out, the new one comes at once');
  complete(world, 'shutdown');
  t.is(fn(world)?.phase, 'deploying');
  const later = world.invoke('f');
  finish(world);
  for (const one of [waits, later]) t.like(world.reply(one), { outcome: 'done' });
  t.is(world.vmsOf('f').length, 1);
  t.is(fn(world)?.last_failure?.vm_id, 'vm1', 'what happened is still told');
});

test('a VM that was killed while no agent was there is replaced by the next one', (t) => {
  const world = serving();
  world.restart();
  t.deepEqual(world.pendingTypes(), ['adopt-vm']);
  complete(world, 'adopt', 'fail');
  complete(world, 'shutdown');
  const call = world.invoke('f');
  finish(world);
  t.like(world.reply(call), { outcome: 'done' });
});

test('a function that is lost when its agent is killed comes back in the next one', (t) => {
  const world = serving();
  for (let lost = 0; lost < 4; lost += 1) {
    loseVm(world);
    world.advance(lost < 3 ? 2 ** lost * 1_000 : 0);
  }
  t.is(fn(world)?.phase, 'lost');
  world.restart();
  t.deepEqual(world.pendingTypes(), [], 'a restart of the agent shortens no pause');
  world.advance(4_000);
  finish(world);
  t.is(fn(world)?.phase, 'serving');
});

test('VMs lost one after the other come at 0, 1, 2, 4 ... 60 s, and calls are told when', (t) => {
  const world = serving();
  for (const pause_s of [0, 1, 2, 4, 8, 16, 32, 60, 60]) {
    loseVm(world);
    if (pause_s > 0) {
      t.is(fn(world)?.phase, 'lost');
      t.like(world.reply(world.invoke('f')), {
        outcome: 'refused',
        failure: { code: 'HP_AGENT_VM_LOST' },
      });
      const about = world.reply(world.invoke('f'));
      const again = about?.kind === 'invoke' ? JSON.stringify(about) : '';
      t.regex(again, new RegExp(`It gets another in ${pause_s} s`));
      world.advance(pause_s * 1_000 - 10);
      t.deepEqual(world.pendingTypes(), [], `nothing before ${pause_s} s`);
      world.advance(10);
    }
    t.deepEqual(world.pendingTypes(), ['launch-vm'], `after ${pause_s} s`);
  }
  finish(world);
  t.is(fn(world)?.phase, 'serving');
});

test('one that has served for a minute is replaced at once again', (t) => {
  const world = serving();
  for (let lost = 0; lost < 3; lost += 1) {
    loseVm(world);
    world.advance(lost * 1_000);
  }
  finish(world);
  world.advance(60_000);
  loseVm(world);
  t.deepEqual(world.pendingTypes(), ['launch-vm']);
});

test('no memory for another VM: it is said once, tried again, and there when memory is', (t) => {
  const world = serving();
  const less = { ...world.state.capacity, host: 400 * MIB };
  world.invoke('f');
  world.complete(0, 'vm-dies');
  const waits = world.invoke('f');
  world.state = { ...world.state, capacity: { ...less, host: 100 * MIB } };
  world.pending = world.pending.filter(({ type }) => type === 'shutdown-vm');
  complete(world, 'shutdown');
  t.like(world.reply(waits), { outcome: 'refused', failure: { code: 'HP_AGENT_VM_LOST' } });
  world.advance(20_000);
  t.deepEqual(world.reports, ['HP_AGENT_NO_MEMORY']);
  t.is(fn(world)?.failure?.code, 'HP_AGENT_NO_MEMORY');
  world.state = { ...world.state, capacity: less };
  world.advance(60_000);
  finish(world);
  t.is(fn(world)?.phase, 'serving');
});

test('a VM that does not end is no reason to start another, and nobody waits for it', (t) => {
  const world = serving();
  world.invoke('f');
  world.complete(0, 'vm-dies');
  const waits = world.invoke('f');
  world.pending = world.pending.filter(({ type }) => type === 'shutdown-vm');
  complete(world, 'shutdown', 'undead');
  t.like(world.reply(waits), { failure: { code: 'HP_AGENT_VM_UNDEAD' } });
  t.like(world.reply(world.invoke('f')), { failure: { code: 'HP_AGENT_VM_LOST' } });
  world.advance(120_000);
  t.deepEqual(world.pendingTypes(), []);
});

for (const when of ['ending', 'lost'] as const) {
  test(`a function that is removed while ${when} does not come back`, (t) => {
    const world = serving();
    loseVm(world);
    finish(world);
    world.invoke('f');
    world.complete(0, 'vm-dies');
    world.pending = world.pending.filter(({ type }) => type === 'shutdown-vm');
    if (when === 'lost') complete(world, 'shutdown');
    t.is(fn(world)?.phase, when);
    const removed = world.remove('f');
    if (when === 'ending') {
      t.like(world.reply(world.invoke('f')), { failure: { code: 'HP_AGENT_REMOVING' } });
      complete(world, 'shutdown');
    }
    t.is(world.reply(removed)?.kind, 'remove');
    world.advance(120_000);
    t.is(world.state.functions.size, 0);
    t.deepEqual(world.pendingTypes(), []);
  });
}
