/** Several VMs of one function: launched when regions are wanting, lost alone, ended when quiet. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { grantedBytes } from '../../../agent/core/permits.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

/** A function of VMs with one region each, the first of them running. */
function deployed(max_vms: number, limit_bytes: number = 8 * GIB): World {
  const world = new World(limit_bytes);
  world.deploy('f', 'hotmem', { concurrency: 1, max_vms });
  finish(world);
  return world;
}

const ENDS_ALL: Policy = {
  ...DEFAULT_POLICY,
  scale: (view) => ({ ...DEFAULT_POLICY.scale(view), ends: view.vms.map(({ id }) => id) }),
};

const LAUNCHES_MANY: Policy = {
  ...DEFAULT_POLICY,
  scale: (view) => ({ ...DEFAULT_POLICY.scale(view), launches: 5 }),
};

const PLACES_LAST: Policy = {
  ...DEFAULT_POLICY,
  place: (_, candidates) => candidates.at(-1) ?? null,
};

const phases = (world: World) => world.vmsOf('f').map(({ phase }) => phase);

test('one VM is the bound unless the spec says otherwise', (t) => {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem', { concurrency: 1 });
  finish(world);
  for (let count = 0; count < 3; count += 1) world.invoke('f');
  t.false(world.pendingTypes().includes('launch-vm'));
});

test('one more VM at a time while an invocation finds no region, up to max_vms', (t) => {
  const world = deployed(3);
  for (let count = 0; count < 5; count += 1) world.invoke('f');
  t.deepEqual(phases(world), ['running', 'booting']);
  complete(world, 'launch');
  t.deepEqual(phases(world), ['running', 'running', 'booting']);
  complete(world, 'launch');
  t.deepEqual(phases(world), ['running', 'running', 'running']);
  t.false(world.pendingTypes().includes('launch-vm'), 'no fourth');
  finish(world);
  t.is(world.state.functions.get('f')?.queue.length, 0);
});

test('work goes to VMs whose guest answers, and is refused when none does', (t) => {
  const world = deployed(2);
  world.invoke('f');
  world.invoke('f');
  finish(world);
  for (const silent of [0, 1]) {
    world.health(silent, false);
    const request = world.invoke('f');
    finish(world);
    const [other] = world.vmsOf('f')[1 - silent]?.instances ?? [];
    t.like(world.reply(request), { outcome: 'done', instance_id: other?.id });
    world.health(silent, true);
  }
  world.health(0, false);
  world.health(1, false);
  t.like(world.reply(world.invoke('f')), { outcome: 'refused' });
});

test('a policy ends no VM in which something is left, and not the last one that runs', (t) => {
  const world = deployed(2);
  world.invoke('f');
  world.invoke('f');
  finish(world);
  world.context = { policy: ENDS_ALL, recording: false };
  const request = world.invoke('f');
  t.deepEqual(phases(world), ['running', 'running']);
  world.quiesce();
  t.like(world.reply(request), { outcome: 'done' });
  t.deepEqual(phases(world), ['running']);
});

test('a policy launches no more VMs than max_vms', (t) => {
  const world = deployed(2);
  world.context = { policy: LAUNCHES_MANY, recording: false };
  world.invoke('f');
  t.deepEqual(phases(world), ['running', 'booting']);
});

test('without memory for another VM, invocations wait for the one there is', (t) => {
  const world = deployed(2, 600 * MIB);
  const first = world.invoke('f');
  const second = world.invoke('f');
  t.deepEqual(phases(world), ['running']);
  finish(world);
  t.like(world.reply(first), { outcome: 'done' });
  t.like(world.reply(second), { outcome: 'done' });
});

test('one VM of two is lost: its invocation fails, the others go on in the other', (t) => {
  const world = deployed(2);
  const requests = [world.invoke('f'), world.invoke('f'), world.invoke('f')];
  complete(world, 'launch');
  complete(world, 'plug');
  complete(world, 'start-instance');
  complete(world, 'invoke-instance', 'vm-dies');
  t.like(world.reply(requests[0] ?? ''), { outcome: 'failed' });
  t.deepEqual(phases(world), ['ending', 'running']);
  finish(world);
  t.is(world.state.functions.get('f')?.phase, 'serving');
  for (const id of requests.slice(1)) t.like(world.reply(id), { outcome: 'done' });
  t.false(world.state.vms.has('vm1'), 'nothing is left of the lost one');
});

test('a second VM that does not start costs nobody anything', (t) => {
  const world = deployed(2);
  const requests = [world.invoke('f'), world.invoke('f')];
  complete(world, 'launch', 'fail');
  t.is(world.state.functions.get('f')?.phase, 'serving');
  t.is(world.state.functions.get('f')?.last_failure?.failure.code, 'HP_TEST_FAIL');
  complete(world, 'shutdown');
  finish(world);
  for (const id of requests) t.like(world.reply(id), { outcome: 'done' });
});

test('a VM beyond the first ends when it was quiet for the keep-alive; the first stays', (t) => {
  const world = deployed(2);
  for (let count = 0; count < 2; count += 1) world.invoke('f');
  finish(world);
  t.deepEqual(phases(world), ['running', 'running']);
  const [first] = world.vmsOf('f');
  world.context = { policy: PLACES_LAST, recording: false };
  for (let count = 0; count < 8; count += 1) {
    world.advance(600);
    world.invoke('f');
    finish(world);
  }
  t.not(world.vmsOf('f')[0]?.quiet_since_ms, null, 'the second had all the work');
  t.deepEqual(phases(world), ['running', 'running']);
  world.quiesce();
  t.deepEqual(phases(world), ['running']);
  t.is(world.vmsOf('f')[0]?.id, first?.id);
  t.is(grantedBytes(world.state), 256 * MIB);
});

test('remove ends all of them, and is answered after the last', (t) => {
  const world = deployed(2);
  for (let count = 0; count < 2; count += 1) world.invoke('f');
  finish(world);
  const removed = world.remove('f');
  for (let count = 0; world.pendingTypes()[0] !== 'shutdown-vm' && count < 20; count += 1) {
    world.complete(0);
  }
  world.complete(0);
  t.is(world.reply(removed), undefined);
  finish(world);
  t.is(world.reply(removed)?.kind, 'remove');
  t.is(world.state.vms.size, 0);
  t.is(grantedBytes(world.state), 0);
});

test('a step says which rows it made, changed and took away', (t) => {
  const world = new World(4 * GIB);
  world.deploy('f');
  t.deepEqual(world.changed, { functions: ['f'], vms: ['vm1'], operations: [] });
  complete(world, 'launch');
  world.deploy('g');
  t.deepEqual(world.changed, { functions: ['g'], vms: ['vm2'], operations: [] });
  world.invoke('f');
  const [operation] = [...world.state.operations.keys()];
  t.deepEqual(world.changed, { functions: ['f'], vms: ['vm1'], operations: [operation] });
  complete(world, 'plug');
  t.deepEqual(world.changed.operations, [operation]);
  t.is(world.state.operations.size, 0);
});
