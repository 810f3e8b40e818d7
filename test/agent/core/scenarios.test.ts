/** The core's rules one by one: each test is a sentence of the design. */
import test from 'ava';
import { LIMITS } from '../../../base/limits.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { GIB, MIB } from '../../../base/units.ts';
import type { Reply } from '../../../agent/model/actions.ts';
import { grantedBytes } from '../../../agent/core/permits.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

function running(
  mechanism: MechanismName = 'virtio-mem',
  part: Partial<FunctionSpec> = {},
  limit_bytes: number = 4 * GIB,
): World {
  const world = new World(limit_bytes);
  world.deploy('f', mechanism, part);
  world.quiesce();
  world.actions.length = 0;
  return world;
}

function failureCode(reply: Reply | undefined): string | undefined {
  if (reply?.kind === 'error') return reply.failure.code;
  return reply?.kind === 'invoke' ? reply.failure?.code : undefined;
}

const fn = (world: World) => world.state.functions.get('f');
const vm = (world: World) => world.vmsOf('f')[0];

for (const mechanism of ['virtio-mem', 'numa', 'hotmem'] as const) {
  test(`${mechanism}: plug and guest start go out together, the invocation waits for both`, (t) => {
    for (const order of [
      ['plug', 'start'],
      ['start', 'plug'],
    ] as const) {
      const world = running(mechanism);
      const request = world.invoke('f');
      t.deepEqual(world.pendingTypes(), ['plug r0', 'start-instance']);
      complete(world, order[0]);
      t.false(world.pendingTypes().includes('invoke-instance'));
      complete(world, order[1]);
      t.deepEqual(world.pendingTypes(), ['invoke-instance']);
      finish(world);
      t.like(world.reply(request), { outcome: 'done', cold: true });
    }
  });
}

test('of regions that share a device each start is for a caller of its own', (t) => {
  const world = new World(4 * GIB);
  world.regions_per_device = 2;
  world.deploy('f', 'hotmem');
  for (let call = 0; call < 2; call += 1) world.invoke('f');
  complete(world, 'launch');
  const causes = vm(world)?.instances.map(({ cause_sequence }) => cause_sequence);
  t.deepEqual(
    causes,
    [...(fn(world)?.queue ?? [])].map(({ sequence }) => sequence),
  );
  t.is(causes?.length, 2);
});

test('static: all regions are plugged at deploy; a start and a stop resize nothing', (t) => {
  const world = new World(4 * GIB);
  const deployed = world.deploy('f', 'static');
  complete(world, 'launch');
  t.deepEqual(world.pendingTypes(), ['plug r0', 'plug r1']);
  t.is(world.reply(deployed), undefined, 'not ready before they are plugged');
  finish(world);
  t.is(world.reply(deployed)?.kind, 'deploy');
  world.invoke('f');
  t.deepEqual(world.pendingTypes(), ['start-instance']);
  finish(world);
  world.advance(2_000);
  t.deepEqual(world.pendingTypes(), ['stop-instance']);
  finish(world);
  t.deepEqual(world.pendingTypes(), []);
  t.is(grantedBytes(world.state), 256 * MIB + 2 * 128 * MIB);
});

test('the permit returns only when the unplug is done, after the instance is gone', (t) => {
  const world = running();
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  t.deepEqual(world.pendingTypes(), ['stop-instance']);
  complete(world, 'stop');
  t.deepEqual(world.pendingTypes(), ['unplug r0']);
  t.is(grantedBytes(world.state), 384 * MIB);
  complete(world, 'unplug');
  t.is(grantedBytes(world.state), 256 * MIB);
});

test('a partial unplug keeps the permit for what is still plugged and is tried again', (t) => {
  const world = running();
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  complete(world, 'stop');
  complete(world, 'unplug', 'partial');
  t.is(grantedBytes(world.state), (256 + 64) * MIB);
  t.is(world.wake_ms, world.now_ms + AGENT_LIMITS.unplug_retry_ms);
  world.advance(AGENT_LIMITS.unplug_retry_ms);
  t.deepEqual(world.pendingTypes(), ['unplug r0']);
  finish(world);
  t.is(grantedBytes(world.state), 256 * MIB);
});

test('unplugs that never finish are given up after a bounded number of tries, with a report', (t) => {
  const world = running();
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  complete(world, 'stop');
  for (let attempt = 1; attempt <= AGENT_LIMITS.unplug_attempts; attempt += 1) {
    complete(world, 'unplug', 'partial');
    world.advance(AGENT_LIMITS.unplug_retry_ms * 2 ** attempt);
  }
  t.deepEqual(world.pendingTypes(), []);
  t.deepEqual(world.reports, ['HP_AGENT_UNPLUG_GIVEN_UP']);
  t.is(world.wake_ms, null);
  const drained = world.drain('f');
  t.deepEqual(world.pendingTypes(), ['unplug r0'], 'Drain tries once more');
  finish(world);
  t.is(world.reply(drained)?.kind, 'drain');
  t.is(grantedBytes(world.state), 256 * MIB);
});

test('a region with bytes left behind is used again and asks only for the difference', (t) => {
  const world = running('virtio-mem', {}, 256 * MIB + 128 * MIB);
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  complete(world, 'stop');
  complete(world, 'unplug', 'partial');
  const again = world.invoke('f');
  t.deepEqual(world.pendingTypes(), ['plug r0', 'start-instance']);
  finish(world);
  t.like(world.reply(again), { outcome: 'done' });
  t.is(grantedBytes(world.state), 384 * MIB);
});

test('an unplug the VMM refused keeps the whole permit: its old target still stands', (t) => {
  const world = running();
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  complete(world, 'stop');
  complete(world, 'unplug', 'refuse');
  t.is(grantedBytes(world.state), 384 * MIB);
});

test('without room the invocation is refused with numbers, and the refusal is recorded', (t) => {
  const world = running('virtio-mem', {}, 600 * MIB);
  world.deploy('other');
  const request = world.invoke('f');
  const reply = world.reply(request);
  t.like(reply, { outcome: 'refused' });
  t.is(failureCode(reply), 'HP_AGENT_NO_MEMORY');
  t.deepEqual(reply?.kind === 'invoke' && reply.failure?.details, {
    asked_bytes: 128 * MIB,
    granted_bytes: 512 * MIB,
    limit_bytes: 600 * MIB,
  });
  t.is(world.actions.filter(({ type }) => type === 'record-refusal').length, 1);
  t.deepEqual(world.pendingTypes(), ['launch-vm']);
});

test('the idle instance used last takes the next invocation, so the others age', (t) => {
  const world = running('virtio-mem', { keep_alive_ms: 10_000 });
  world.invoke('f');
  world.invoke('f');
  finish(world);
  const last = vm(world)?.instances.toSorted((a, b) => b.idle_since_ms - a.idle_since_ms)[0];
  world.advance(100);
  const request = world.invoke('f');
  finish(world);
  t.like(world.reply(request), { instance_id: last?.id, cold: false });
});

test('starts take the free region with the lowest index', (t) => {
  const world = running('virtio-mem', { concurrency: 3 });
  world.invoke('f');
  world.invoke('f');
  t.deepEqual(
    world.pendingTypes().filter((type) => type.startsWith('plug')),
    ['plug r0', 'plug r1'],
  );
});

test('when all N are busy invocations wait, oldest first, up to the limit of the queue', (t) => {
  const world = running('virtio-mem', { concurrency: 1 });
  const first = world.invoke('f');
  finish(world);
  t.like(world.reply(first), { outcome: 'done' });
  world.invoke('f');
  const second = world.invoke('f');
  const third = world.invoke('f');
  t.is(fn(world)?.queue.length, 2);
  world.complete(0);
  t.is(vm(world)?.instances[0]?.invocation?.request_id, second);
  finish(world);
  t.like(world.reply(third), { outcome: 'done', cold: false });
});

test('a full queue refuses, and a wait that is too long ends in a refusal', (t) => {
  const world = running('virtio-mem', { concurrency: 1 });
  for (let count = 0; count < AGENT_LIMITS.invocations_queued_per_function; count += 1)
    world.invoke('f');
  const waiting = [...(fn(world)?.queue ?? [])].at(-1)?.request_id ?? '';
  t.is(failureCode(world.reply(world.invoke('f'))), 'HP_AGENT_QUEUE_FULL');
  world.advance(AGENT_LIMITS.invocation_queued_ms);
  t.is(failureCode(world.reply(waiting)), 'HP_AGENT_QUEUED_TOO_LONG');
});

test('an instance that exits fails its invocation with the reason and gives its region back', (t) => {
  const world = running();
  const request = world.invoke('f');
  complete(world, 'plug');
  complete(world, 'start');
  complete(world, 'invoke', 'instance-exits');
  t.is(failureCode(world.reply(request)), 'HP_AGENT_INSTANCE_OOM');
  t.deepEqual(world.pendingTypes(), ['stop-instance']);
  finish(world);
  t.is(grantedBytes(world.state), 256 * MIB);
});

for (const [half, fault] of [
  ['plug', 'partial'],
  ['plug', 'refuse'],
  ['plug', 'fail'],
  ['start', 'fail'],
] as const) {
  test(`a ${half} that ends '${fault}' fails one invocation, and everything is taken back`, (t) => {
    const world = running();
    const request = world.invoke('f');
    complete(world, half, fault);
    t.like(world.reply(request), { outcome: 'failed', assigned_at_ms: null });
    t.is(grantedBytes(world.state), 384 * MIB, 'the permit stays until the unplug');
    finish(world);
    t.is(grantedBytes(world.state), 256 * MIB);
    t.deepEqual(vm(world)?.instances, []);
  });
}

test('a guest that does not stop an instance loses its VM after a bounded number of tries', (t) => {
  const world = running();
  world.invoke('f');
  finish(world);
  world.advance(1_000);
  for (let attempt = 1; attempt <= AGENT_LIMITS.instance_stop_attempts; attempt += 1) {
    complete(world, 'stop', 'fail');
    world.advance(LIMITS.instance_stop_retry_ms);
  }
  t.deepEqual(world.pendingTypes(), ['shutdown-vm']);
  complete(world, 'shutdown');
  t.deepEqual(world.pendingTypes(), ['launch-vm'], 'another comes in its place');
  t.is(fn(world)?.phase, 'deploying');
  t.is(grantedBytes(world.state), 256 * MIB);
});

test('the same spec again is answered at once, another one is a conflict that names the fields', (t) => {
  const world = running();
  t.is(world.reply(world.deploy('f'))?.kind, 'deploy');
  const other = world.reply(world.deploy('f', 'hotmem', { vcpus: 2 }));
  t.is(failureCode(other), 'HP_AGENT_CONFLICT');
  t.deepEqual(other?.kind === 'error' && other.failure.details, { fields: ['mechanism', 'vcpus'] });
});

test('a VM lost while running: invocations fail, a new VM comes, and Deploy waits for it', (t) => {
  const world = running();
  const old = vm(world)?.id ?? '';
  const request = world.invoke('f');
  complete(world, 'plug');
  complete(world, 'start', 'vm-dies');
  t.like(world.reply(request), { outcome: 'failed' });
  complete(world, 'shutdown');
  const again = world.deploy('f');
  t.is(world.reply(again), undefined);
  finish(world);
  t.is(world.reply(again)?.kind, 'deploy');
  t.not(vm(world)?.id, old);
});

test('a deploy whose VM fails is answered when nothing of it is left', (t) => {
  const world = new World(4 * GIB);
  const request = world.deploy('f');
  complete(world, 'launch', 'fail');
  t.is(world.reply(request), undefined);
  complete(world, 'shutdown');
  t.is(failureCode(world.reply(request)), 'HP_TEST_FAIL');
  t.is(world.state.functions.size, 0);
  t.is(grantedBytes(world.state), 0);
});

test('remove refuses what waits, lets what runs end, then shuts the VM down', (t) => {
  const world = running('virtio-mem', { concurrency: 1 });
  const busy = world.invoke('f');
  complete(world, 'plug');
  complete(world, 'start');
  const waiting = world.invoke('f');
  const removed = world.remove('f');
  t.is(failureCode(world.reply(waiting)), 'HP_AGENT_REMOVING');
  t.is(failureCode(world.reply(world.invoke('f'))), 'HP_AGENT_REMOVING');
  t.is(world.reply(busy), undefined);
  finish(world);
  t.like(world.reply(busy), { outcome: 'done' });
  t.is(world.reply(removed)?.kind, 'remove');
  t.is(world.state.functions.size, 0);
});

test('remove shuts the VM down under what does not end in time', (t) => {
  const world = running();
  const busy = world.invoke('f');
  complete(world, 'plug');
  complete(world, 'start');
  const removed = world.remove('f', 5_000);
  world.advance(5_000);
  t.is(failureCode(world.reply(busy)), 'HP_AGENT_REMOVING');
  t.true(world.pendingTypes().includes('shutdown-vm'));
  complete(world, 'shutdown');
  t.is(world.reply(removed)?.kind, 'remove');
});

test('a VM that would not end keeps its permits and is told; Remove again tries again', (t) => {
  const world = running();
  const first = world.remove('f');
  complete(world, 'shutdown', 'undead');
  t.is(failureCode(world.reply(first)), 'HP_AGENT_VM_UNDEAD');
  t.is(grantedBytes(world.state), 256 * MIB);
  const second = world.remove('f');
  finish(world);
  t.is(world.reply(second)?.kind, 'remove');
  t.is(grantedBytes(world.state), 0);
});

test('a deploy that comes while the VM of an earlier agent is taken up is answered then', (t) => {
  for (const mechanism of ['virtio-mem', 'hotmem', 'static'] as const) {
    const world = running(mechanism);
    world.restart();
    const again = world.deploy('f', mechanism);
    t.is(world.replies.get(again), undefined, mechanism);
    finish(world);
    t.is(world.replies.get(again)?.[0]?.kind, 'deploy', mechanism);
  }
});

test('a VM that came for a call stays while memory is wanting for it, and is not made again', (t) => {
  const world = new World(2 * 256 * MIB + 1.5 * 128 * MIB);
  world.deploy('f', 'virtio-mem', { concurrency: 1, max_vms: 2, keep_alive_ms: 0 });
  finish(world);
  const first = world.invoke('f');
  for (const type of ['plug', 'start']) complete(world, type);
  const second = world.invoke('f');
  complete(world, 'launch');
  t.deepEqual(world.pendingTypes(), ['invoke-instance'], 'it runs, and nothing can start in it');
  complete(world, 'invoke');
  finish(world);
  for (const one of [first, second]) t.like(world.reply(one), { outcome: 'done' });
  t.is(world.vmsOf('f').length, 1, 'it ends when nobody waits');
});

test('nobody is woken again for a removal that is late, while its VM is adopted', (t) => {
  const world = running();
  world.invoke('f');
  const removed = world.remove('f', 10_000);
  world.restart();
  world.advance(20_000);
  t.is(world.wake_ms, null);
  world.quiesce();
  t.is(world.reply(removed)?.kind, 'remove');
});
