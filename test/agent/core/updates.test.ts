/** Updates: a function that serves gets another definition, and serves on meanwhile. */
import test, { type ExecutionContext } from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { SERVER, World } from './world.ts';

/** A function with one VM of one region that runs; its instances stay for a minute. */
function deployed(part: Partial<FunctionSpec> = {}, limit_bytes: number = 8 * GIB): World {
  const world = new World(limit_bytes);
  world.deploy('f', 'hotmem', { concurrency: 1, keep_alive_ms: 60_000, ...part });
  finish(world);
  return world;
}

const LARGER = { limit_bytes: 256 * MIB };

const ids = (world: World) => world.vmsOf('f').map(({ id }) => id);
const fn = (world: World) => world.state.functions.get('f');
const inService = (world: World) =>
  world.vmsOf('f').filter(({ phase, retiring }) => phase === 'running' && !retiring).length;

test('what VMs need not know changes in place, with a revision, and nothing is launched', (t) => {
  const world = deployed();
  const before = ids(world);
  const changed = world.update('f', {
    keep_alive_ms: 1,
    max_vms: 2,
    instances: { min: 0, max: 3 },
  });
  t.like(world.reply(changed), { kind: 'deploy', revision: 2, replaced_vms: 0 });
  t.like(world.reply(changed), { changed: ['keep_alive_ms', 'max_vms', 'instances'] });
  t.deepEqual([ids(world), world.pendingTypes()], [before, []]);
  t.like(fn(world), { revision: 2, update: null, spec: { keep_alive_ms: 1, max_vms: 2 } });
  const again = world.update('f', {});
  t.like(world.reply(again), { revision: 2, changed: [] });
});

test('what takes another VM is served by the old one until that runs, and busy ones end first', (t) => {
  const world = deployed();
  const [old = ''] = ids(world);
  const running = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  const changed = world.update('f', LARGER);
  t.deepEqual(world.pendingTypes(), ['invoke-instance', 'launch-vm']);
  t.is(inService(world), 1);
  complete(world, 'launch-vm');
  t.like(world.reply(changed), { revision: 2, changed: ['limit_bytes'], replaced_vms: 1 });
  t.true(ids(world).includes(old), 'its work is not over');
  const next = world.invoke('f');
  finish(world);
  for (const one of [running, next]) t.like(world.reply(one), { outcome: 'done' });
  t.false(ids(world).includes(old));
  t.is(world.vmsOf('f')[0]?.regions[0]?.permit_bytes, 256 * MIB);
});

test('several VMs are replaced one by one, and as many serve all the time', (t) => {
  const world = deployed({ max_vms: 3 });
  for (let count = 0; count < 3; count += 1) world.invoke('f');
  finish(world);
  const before = ids(world);
  t.is(inService(world), 3);
  const changed = world.update('f', LARGER);
  while (world.pending.length > 0) {
    t.true(world.pendingTypes().filter((one) => one === 'launch-vm').length <= 1);
    t.true(inService(world) >= 3, 'none is missed');
    world.complete(0);
  }
  t.like(world.reply(changed), { replaced_vms: 3 });
  t.is(ids(world).length, 3);
  t.false(before.some((id) => ids(world).includes(id)));
});

test('of quiet VMs those of the earlier definition go, and not what takes their place', (t) => {
  const world = deployed({ max_vms: 3 });
  for (let count = 0; count < 3; count += 1) world.invoke('f');
  finish(world);
  const before = ids(world);
  world.update('f', LARGER);
  complete(world, 'launch-vm');
  const [successor = ''] = ids(world).filter((id) => !before.includes(id));
  const scale: Policy['scale'] = (view) => ({ ...DEFAULT_POLICY.scale(view), ends: [successor] });
  world.context = { policy: { ...DEFAULT_POLICY, scale }, recording: false };
  world.setTargets('f', {});
  t.like(world.state.vms.get(successor), { phase: 'running', retiring: null });
  finish(world);
  t.is(fn(world)?.update, null);
  world.setTargets('f', {});
  finish(world);
  t.false(ids(world).includes(successor), 'then it may');
});

test('without room for the first VM nothing has changed, and the numbers are told', (t) => {
  const world = deployed({}, 500 * MIB);
  const before = world.state;
  const refused = world.update('f', { vcpus: 2 });
  t.like(world.reply(refused), { failure: { code: 'HP_AGENT_NO_MEMORY' } });
  t.deepEqual(fn(world), before.functions.get('f'));
  t.deepEqual(ids(world), [...before.vms.keys()]);
});

test('where none of three comes up the old VM serves on, and the definition before is one step back', (t) => {
  const world = deployed();
  const before = ids(world);
  const changed = world.update('f', LARGER);
  for (let count = 0; count < 3; count += 1) {
    complete(world, 'launch-vm', 'refuse');
    finish(world);
    world.advance(20_000);
  }
  t.like(world.reply(changed), { failure: { code: 'HP_AGENT_UPDATE_STUCK' } });
  t.true(world.reports.includes('HP_AGENT_UPDATE_STUCK'));
  world.advance(600_000);
  t.deepEqual([ids(world), world.pendingTypes()], [before, []], 'it is given up');
  const call = world.invoke('f');
  finish(world);
  t.like(world.reply(call), { outcome: 'done' });
  const back = world.update('f', { limit_bytes: 128 * MIB });
  t.like(world.reply(back), { revision: 3, replaced_vms: 0 });
  t.deepEqual([ids(world), world.vmsOf('f')[0]?.outdated], [before, null]);
});

test('deployed again as it is, an update that was given up is tried once more', (t) => {
  const world = deployed();
  const [old = ''] = ids(world);
  world.update('f', LARGER);
  for (let count = 0; count < 3; count += 1) {
    complete(world, 'launch-vm', 'refuse');
    finish(world);
    world.advance(20_000);
  }
  const again = world.update('f', {});
  finish(world);
  t.like(world.reply(again), { kind: 'deploy', replaced_vms: 1 });
  t.false(ids(world).includes(old));
});

test('a cordon holds an update up, asks for no wake meanwhile, and its end goes on with it', (t) => {
  const world = deployed();
  const changed = world.update('f', LARGER);
  complete(world, 'launch-vm', 'refuse');
  finish(world);
  world.cordon('cordon');
  world.advance(600_000);
  t.deepEqual([world.reply(changed), world.pendingTypes()], [undefined, []]);
  t.is(fn(world)?.wake_at_ms, null);
  world.cordon(null);
  finish(world);
  t.like(world.reply(changed), { replaced_vms: 1 });
});

test('a lost function comes back as what it is deployed as, unless it can never be that', (t) => {
  const world = deployed();
  for (const type of ['plug', 'launch']) {
    if (type === 'plug') world.invoke('f');
    complete(world, type, 'vm-dies');
    complete(world, 'shutdown');
  }
  t.is(fn(world)?.phase, 'lost');
  const never = world.update('f', { tenant: 'acme' });
  t.like(world.reply(never), { failure: { code: 'HP_AGENT_NO_UPDATE' } });
  const changed = world.update('f', LARGER);
  finish(world);
  t.like(world.reply(changed), { revision: 2 });
  t.like(world.vmsOf('f')[0], { phase: 'running', outdated: null });
});

test('another update on the way ends what was just coming, and begins from what serves', (t) => {
  const world = deployed();
  const [old = ''] = ids(world);
  const first = world.update('f', LARGER);
  const second = world.update('f', { limit_bytes: 128 * MIB });
  for (const one of [first, second]) t.like(world.reply(one), { kind: 'deploy', revision: 3 });
  t.true(world.pendingTypes().includes('shutdown-vm'));
  finish(world);
  t.deepEqual(ids(world), [old]);
  t.is(fn(world)?.update, null);
});

test('a change in place on the way keeps the VM that is coming, and takes no other', (t) => {
  const world = deployed();
  const first = world.update('f', LARGER);
  const second = world.update('f', { keep_alive_ms: 5_000 });
  t.deepEqual(world.pendingTypes(), ['launch-vm']);
  t.is(world.vmsOf('f').length, 2);
  finish(world);
  for (const one of [first, second]) t.like(world.reply(one), { revision: 3, replaced_vms: 1 });
  t.is(inService(world), 1);
});

test('a restart in the middle of an update goes on with it', (t) => {
  for (const steps of [0, 1, 2, 3]) {
    const world = deployed();
    const [old = ''] = ids(world);
    world.invoke('f');
    for (const type of ['plug', 'start']) complete(world, type);
    world.update('f', LARGER);
    for (let count = 0; count < steps; count += 1) world.complete(0);
    world.restart();
    const adopted = world.pending.find((one) => one.type === 'adopt-vm' && one.vm_id === old);
    if (adopted?.type === 'adopt-vm') t.is(adopted.spec.limit_bytes, 128 * MIB, 'as it was');
    finish(world);
    world.advance(60_000);
    finish(world);
    t.is(inService(world), 1, `after ${steps} steps`);
    t.false(ids(world).includes(old));
    t.like(world.vmsOf('f')[0], { outdated: null });
    t.is(fn(world)?.update, null);
  }
});

test('who waits for an update is told when its function ends, though a VM of it will not', (t) => {
  const world = deployed();
  world.update('f', LARGER);
  world.update('f', { limit_bytes: 128 * MIB });
  complete(world, 'shutdown', 'undead');
  const changed = world.update('f', LARGER);
  world.cordon('drain');
  finish(world);
  t.like(world.reply(changed), { failure: { code: 'HP_AGENT_HOST_CORDONED' } });
  t.deepEqual([fn(world)?.phase, fn(world)?.update], ['ending', null]);
});

test('a dry run tells what would be done, and does nothing', (t) => {
  const world = deployed();
  const before = fn(world);
  for (const [part, replaced_vms] of [
    [{ keep_alive_ms: 7 }, 0],
    [{ ...LARGER, vcpus: 2 }, 1],
  ] as const) {
    const told = world.update('f', part, true);
    t.like(world.reply(told), { revision: 1, changed: Object.keys(part), replaced_vms });
  }
  t.deepEqual([fn(world), world.pendingTypes()], [before, []]);
  const missing = world.update('g', {}, true);
  t.like(world.reply(missing), { failure: { code: 'HP_AGENT_NO_FUNCTION' } });
  t.regex(JSON.stringify(world.reply(missing)), /a deploy would launch one/);
});

function refusedWith(t: ExecutionContext, world: World, part: Partial<FunctionSpec>): void {
  const before = fn(world);
  const refused = world.update('f', part);
  t.like(world.reply(refused), { failure: { code: 'HP_AGENT_NO_UPDATE' } });
  t.deepEqual([fn(world), world.pendingTypes()], [before, []]);
}

test('what a function can never become is refused with the reason', (t) => {
  const world = deployed();
  refusedWith(t, world, { tenant: 'acme' });
  refusedWith(t, world, { program: SERVER });
  world.setTargets('f', { instances_min: 1 });
  finish(world);
  world.update('f', { concurrency: 3 });
  finish(world);
  world.setTargets('f', { instances_min: 3 });
  finish(world);
  refusedWith(t, world, { concurrency: 1 });
});

test('a function that is removed, or loses its VMs, answers who waits for its update', (t) => {
  const world = deployed();
  const changed = world.update('f', LARGER);
  world.remove('f', 0);
  finish(world);
  world.quiesce();
  t.like(world.reply(changed), { failure: { code: 'HP_AGENT_REMOVING' } });
  t.is(world.state.vms.size, 0);
});
