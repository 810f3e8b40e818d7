/** Short of memory: who waits, who gives way, in which order, and when it is refused after all. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { Reply } from '../../../agent/model/actions.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const BOOT = 256 * MIB;
const REGION = 128 * MIB;

/** Functions of two regions each on a host with memory for so many regions, and a bound of 5 s. */
function host(names: readonly string[], regions: number, facts = {}): World {
  const world = new World(names.length * BOOT + regions * REGION, {
    memory_wait_ms: 5_000,
    ...facts,
  });
  for (const name of names) {
    world.deploy(name, 'virtio-mem', { keep_alive_ms: 1e6 });
    finish(world);
  }
  return world;
}

/** One instance of the function, idle from now on. */
function warm(world: World, name: string): void {
  world.invoke(name);
  finish(world);
}

const failure = (reply: Reply | undefined) => (reply?.kind === 'invoke' ? reply.failure : null);
const idle = (world: World, name: string) =>
  world.vmsOf(name).flatMap(({ instances }) => instances.filter(({ phase }) => phase === 'idle'));
const refusals = (world: World) =>
  world.actions.filter(({ type }) => type === 'record-refusal').length;

test('an idle instance of another function gives way, and the invocation runs then', (t) => {
  const world = host(['a', 'b'], 1);
  warm(world, 'a');
  const request = world.invoke('b');
  t.is(world.reply(request), undefined);
  t.deepEqual(world.pendingTypes(), ['stop-instance']);
  complete(world, 'stop');
  t.deepEqual(world.pendingTypes(), ['unplug r0']);
  complete(world, 'unplug');
  t.deepEqual(world.pendingTypes(), ['plug r0', 'start-instance']);
  finish(world);
  t.like(world.reply(request), { outcome: 'done', cold: true });
  t.is(refusals(world), 0, 'a try that is made again is no refusal');
});

test('who is idle for the longest gives way first, and no more than are needed', (t) => {
  const world = host(['a', 'b', 'c'], 2);
  warm(world, 'a');
  world.advance(100);
  warm(world, 'b');
  world.invoke('c');
  t.is(idle(world, 'a').length, 0);
  t.is(idle(world, 'b').length, 1);
});

test('a policy says who may give way, and in which order', (t) => {
  const world = host(['a', 'b', 'c'], 2);
  warm(world, 'a');
  world.advance(100);
  warm(world, 'b');
  const others: Policy = {
    ...DEFAULT_POLICY,
    giveWay: (all) => all.filter((one) => one.function !== 'a'),
  };
  world.context = { policy: others, recording: false };
  world.invoke('c');
  t.is(idle(world, 'a').length, 1);
  t.is(idle(world, 'b').length, 0);
});

test('nobody gives way where it would not be enough', (t) => {
  const world = new World(2 * BOOT + 3 * REGION);
  world.deploy('a', 'virtio-mem', { keep_alive_ms: 1e6 });
  world.deploy('b', 'virtio-mem', { limit_bytes: 3 * REGION });
  finish(world);
  warm(world, 'a');
  const busy = world.invoke('a');
  complete(world, 'invoke');
  t.like(world.reply(busy), { outcome: 'done' });
  // Of two regions' worth one instance is busy and one idle.
  world.invoke('a');
  world.invoke('a');
  complete(world, 'plug');
  complete(world, 'start');
  complete(world, 'invoke-instance');
  const request = world.invoke('b');
  t.is(failure(world.reply(request))?.code, 'HP_AGENT_NO_MEMORY');
  t.is(idle(world, 'a').length, 1);
});

test('without anything that gives memory back an invocation is refused at once', (t) => {
  const world = host(['a', 'b'], 1);
  world.invoke('a');
  const request = world.invoke('b');
  t.is(failure(world.reply(request))?.code, 'HP_AGENT_NO_MEMORY');
  t.is(refusals(world), 1);
});

test('a wait of 0 gives the refusal at once, whoever is idle', (t) => {
  const world = host(['a', 'b'], 1, { memory_wait_ms: 0 });
  warm(world, 'a');
  t.is(failure(world.reply(world.invoke('b')))?.code, 'HP_AGENT_NO_MEMORY');
  t.is(idle(world, 'a').length, 1);
});

test('a wait ends at its bound with the numbers, and is recorded once', (t) => {
  const world = host(['a', 'b'], 1);
  warm(world, 'a');
  const request = world.invoke('b');
  world.advance(4_999);
  t.is(world.reply(request), undefined);
  world.advance(1);
  const told = failure(world.reply(request));
  t.is(told?.code, 'HP_AGENT_NO_MEMORY');
  t.deepEqual(told?.details, {
    asked_bytes: REGION,
    granted_bytes: 2 * BOOT + REGION,
    limit_bytes: 2 * BOOT + REGION,
    waited_ms: 5_000,
  });
  t.is(refusals(world), 1);
});

test('each invocation waits for the bound from when it came', (t) => {
  const world = host(['a', 'b'], 1);
  warm(world, 'a');
  const first = world.invoke('b');
  world.advance(4_000);
  const second = world.invoke('b');
  world.advance(1_000);
  t.like(failure(world.reply(first))?.details, { waited_ms: 5_000 });
  t.is(world.reply(second), undefined);
  world.advance(4_000);
  t.like(failure(world.reply(second))?.details, { waited_ms: 5_000 });
});

test('while some get memory, the others of their function wait for the bound anew', (t) => {
  const world = host(['a', 'b'], 2);
  world.invoke('a');
  warm(world, 'a');
  t.is(idle(world, 'a').length, 2);
  const requests = [world.invoke('b'), world.invoke('b')];
  world.advance(4_000);
  complete(world, 'stop');
  complete(world, 'unplug');
  t.is(world.vmsOf('b')[0]?.instances.length, 1);
  world.advance(2_000);
  for (const id of requests) t.is(world.reply(id), undefined);
  world.advance(3_000);
  t.like(failure(world.reply(requests[1] ?? '')), { code: 'HP_AGENT_NO_MEMORY' });
});

test('what comes back for one that waits is not hoped for by the next, for whom others give way', (t) => {
  const world = host(['a', 'b', 'c', 'd'], 2);
  warm(world, 'a');
  world.advance(100);
  warm(world, 'b');
  world.invoke('c');
  t.is(idle(world, 'b').length, 1);
  world.invoke('d');
  t.is(idle(world, 'b').length, 0);
});

test('no VM is launched with what an older invocation of another function waits for', (t) => {
  const world = new World(3 * BOOT + 5 * REGION);
  world.deploy('a', 'virtio-mem', { keep_alive_ms: 1e6, limit_bytes: 2 * REGION });
  world.deploy('large', 'virtio-mem', { limit_bytes: 4 * REGION });
  world.deploy('small', 'virtio-mem', { concurrency: 1, max_vms: 2 });
  finish(world);
  warm(world, 'a');
  world.invoke('small');
  world.invoke('large');
  world.advance(10);
  t.is(world.state.capacity.host - world.state.granted.host, BOOT);
  world.invoke('small');
  t.false(world.pendingTypes().includes('launch-vm'));
  const [vm] = world.vmsOf('small');
  world.send({ type: 'drain', request_id: 'q', function: 'small', vm_id: vm?.id ?? '' });
  t.false(world.pendingTypes().includes('launch-vm'), 'nor one in the place of another');
  finish(world);
  world.drain('large');
  finish(world);
  world.advance(world.state.config.resize_hold_ms);
  t.like(world.pending, [{ type: 'launch-vm' }], 'but later');
});

test('when what was hoped for does not come, the wait is over at once', (t) => {
  const world = host(['a', 'b'], 1);
  warm(world, 'a');
  const request = world.invoke('b');
  complete(world, 'stop');
  complete(world, 'unplug', 'refuse');
  t.is(failure(world.reply(request))?.code, 'HP_AGENT_NO_MEMORY');
});

test('memory goes to the oldest invocation of all functions; who finds none after it is refused', (t) => {
  const world = host(['a', 'b', 'c'], 1);
  warm(world, 'a');
  const first = world.invoke('c');
  world.advance(10);
  const second = world.invoke('b');
  t.deepEqual(world.state.short, ['c', 'b']);
  complete(world, 'stop');
  complete(world, 'unplug');
  t.deepEqual(world.state.short, []);
  finish(world);
  t.like(world.reply(first), { outcome: 'done' });
  t.is(failure(world.reply(second))?.code, 'HP_AGENT_NO_MEMORY', 'nothing more came back');
});

test('who comes later gets nothing of what is free while an older one needs more', (t) => {
  const world = new World(3 * BOOT + 4 * REGION);
  world.deploy('a', 'virtio-mem', { keep_alive_ms: 1e6, limit_bytes: 2 * REGION });
  world.deploy('large', 'virtio-mem', { limit_bytes: 4 * REGION });
  world.deploy('small', 'virtio-mem');
  finish(world);
  warm(world, 'a');
  const first = world.invoke('large');
  world.advance(10);
  const second = world.invoke('small');
  t.is(world.pendingTypes().join(), 'stop-instance', 'there is room for the small one alone');
  complete(world, 'stop');
  complete(world, 'unplug');
  t.deepEqual(world.pendingTypes(), ['plug r0', 'start-instance']);
  t.is(world.vmsOf('large')[0]?.instances.length, 1);
  t.is(failure(world.reply(second))?.code, 'HP_AGENT_NO_MEMORY');
  finish(world);
  t.like(world.reply(first), { outcome: 'done' });
});

test('a VM that ends gives memory back, so an invocation waits for it', (t) => {
  const world = host(['a', 'b'], 0);
  world.remove('a');
  const request = world.invoke('b');
  t.is(world.reply(request), undefined);
  complete(world, 'shutdown');
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
});

test('what is plugged ahead of starts gives way before an idle instance', (t) => {
  const ahead: Policy = {
    ...DEFAULT_POLICY,
    scale: (view) => ({
      ...DEFAULT_POLICY.scale(view),
      plugged: view.spec.name === 'a' ? 1 : 0,
    }),
  };
  const world = host(['a', 'b'], 2);
  warm(world, 'a');
  world.context = { policy: ahead, recording: false };
  world.send({ type: 'drain', request_id: 'q', function: 'none' });
  warm(world, 'a');
  t.true(world.vmsOf('a')[0]?.regions.some(({ ready }) => ready));
  const request = world.invoke('b');
  t.deepEqual(world.pendingTypes(), ['unplug r1']);
  t.is(idle(world, 'a').length, 1);
  complete(world, 'unplug');
  t.deepEqual(
    world.pendingTypes(),
    ['plug r0', 'start-instance'],
    'nothing is plugged ahead again',
  );
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
});

test('a waiting invocation that is cancelled lets the next one have its place', (t) => {
  const world = host(['a', 'b', 'c'], 1);
  warm(world, 'a');
  const first = world.invoke('c');
  world.advance(10);
  const second = world.invoke('b');
  world.cancel('c', first);
  t.is(failure(world.reply(first))?.code, 'HP_AGENT_CANCELLED');
  t.deepEqual(world.state.short, ['b']);
  finish(world);
  t.like(world.reply(second), { outcome: 'done' });
});

test('an invocation that runs and is cancelled ends with its instance, which is given back', (t) => {
  const world = host(['a'], 1);
  const request = world.invoke('a');
  complete(world, 'plug');
  complete(world, 'start');
  world.cancel('a', request);
  t.like(world.reply(request), { outcome: 'failed', failure: { code: 'HP_AGENT_CANCELLED' } });
  t.is(world.state.functions.get('a')?.last_failure, null, 'nothing went wrong');
  finish(world);
  t.deepEqual(world.vmsOf('a')[0]?.instances, []);
  t.is(world.state.granted.host, BOOT);
});

test('a function with a baseline is deployed where one instance can start, however large it may get', (t) => {
  const elastic = { ...DEFAULT_POLICY, elastic: true };
  const memory = {
    baseline_bytes: REGION,
    increment_bytes: null,
    history: false,
    grow_wait_ms: null,
    expression: null,
  };
  for (const [limit_bytes, code] of [
    [BOOT + REGION, null],
    [BOOT + REGION - MIB, 'HP_AGENT_NO_MEMORY'],
  ] as const) {
    const world = new World(limit_bytes);
    world.context = { policy: elastic, recording: false };
    const request = world.deploy('a', 'virtio-mem', { memory, limit_bytes: 2 * GIB });
    finish(world);
    const reply = world.reply(request);
    t.is(reply?.kind === 'error' ? reply.failure.code : null, code);
  }
});

test('a region that shrinks, and whose instance ends, comes back once', (t) => {
  const shrinks: Policy = {
    ...DEFAULT_POLICY,
    elastic: true,
    size: ({ region, instance, max_bytes, spec }) => {
      if (!instance) return { target_bytes: max_bytes, at_ms: null };
      const is_told = spec.name === 'a' && region.used_bytes !== null;
      return is_told ? { target_bytes: REGION, at_ms: null } : null;
    },
  };
  const world = new World(3 * BOOT + 3 * REGION, { memory_wait_ms: 5_000 });
  world.context = { policy: shrinks, recording: false };
  const memory = { baseline_bytes: REGION, increment_bytes: null, history: false };
  world.deploy('a', 'virtio-mem', {
    limit_bytes: 2 * REGION,
    memory: { ...memory, grow_wait_ms: 5_000, expression: null },
  });
  world.deploy('b', 'virtio-mem', { limit_bytes: 3 * REGION });
  world.deploy('c', 'virtio-mem', { keep_alive_ms: 1e6 });
  finish(world);
  warm(world, 'c');
  const request = world.invoke('a');
  complete(world, 'plug');
  complete(world, 'start');
  const regions = [{ region_id: 'r0', used_bytes: REGION }];
  world.send({ type: 'usage', vm_id: world.vmsOf('a')[0]?.id ?? '', regions });
  t.true(world.pendingTypes().includes('unplug r0'));
  world.cancel('a', request);
  world.invoke('b');
  t.is(idle(world, 'c').length, 0, 'two of three regions come back without it');
});

for (const [memory_wait_ms, what] of [
  [5_000, 'gives way'],
  [0, 'does not give way, where there is no wait for memory,'],
] as const)
  test(`an idle instance ${what} to a guest that runs and waits for growth`, (t) => {
    const grows: Policy = {
      ...DEFAULT_POLICY,
      elastic: true,
      size: ({ region, instance, max_bytes, spec }) => {
        if (spec.name !== 'a') return instance ? null : { target_bytes: max_bytes, at_ms: null };
        if (!instance) return { target_bytes: REGION, at_ms: null };
        return region.span?.want ? { target_bytes: max_bytes, at_ms: null } : null;
      },
    };
    const world = new World(2 * BOOT + 2 * REGION, { memory_wait_ms });
    world.context = { policy: grows, recording: false };
    const memory = { baseline_bytes: REGION, increment_bytes: null, history: false };
    world.deploy('a', 'virtio-mem', {
      limit_bytes: 2 * REGION,
      memory: { ...memory, grow_wait_ms: 5_000, expression: null },
    });
    world.deploy('b', 'virtio-mem', { keep_alive_ms: 1e6 });
    finish(world);
    warm(world, 'b');
    world.invoke('a');
    complete(world, 'plug');
    complete(world, 'start');
    const [vm] = world.vmsOf('a');
    const regions = [{ region_id: 'r0', used_bytes: REGION, want_bytes: 4096 }];
    world.send({ type: 'usage', vm_id: vm?.id ?? '', regions });
    if (memory_wait_ms > 0) {
      complete(world, 'stop');
      complete(world, 'unplug');
    }
    world.advance(1_000);
    finish(world);
    const grown = world.actions.some(
      (one) => one.type === 'resize-region' && one.order.cause === 'grow',
    );
    t.is(grown, memory_wait_ms > 0);
    t.is(idle(world, 'b').length, memory_wait_ms > 0 ? 0 : 1);
  });
