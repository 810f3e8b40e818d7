/** Spans that instances ask for by name: each test is a sentence of the design. */
import test from 'ava';
import { grantedBytes } from '../../../agent/core/permits.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { refusalFor } from './outcomes.ts';
import {
  ask,
  busy,
  close,
  instance,
  killed,
  regions,
  resizes,
  SPANS,
  told,
  vm,
} from './span-world.ts';
import { specOf, World } from './world.ts';

const BOOT = 256 * MIB;
const REGION = 128 * MIB;
test('a VM has a region for each span of each instance, in which no instance starts', (t) => {
  const world = busy();
  t.is(regions(world).length, 2 + 2 * 2);
  t.deepEqual(
    regions(world).map(({ of_spans }) => of_spans ?? false),
    [false, false, true, true, true, true],
  );
  for (let count = 0; count < 4; count += 1) world.invoke('f');
  while (resizes(world).length > 0) complete(world, 'plug');
  t.is(vm(world)?.instances.length, 2, 'the others wait for an instance');
});

test('regions kept plugged ahead of starts are those of instances', (t) => {
  const world = busy();
  world.setTargets('f', { reserve: 3 });
  t.deepEqual(resizes(world), ['pool r1'], 'the only one that is free');
});

test('under pressure that stops growth a span waits, and comes when it is over', (t) => {
  const world = busy(4 * GIB, {}, { host_keep_bytes: GIB, pressure_calm_ms: 100 });
  world.hostMemory(GIB / 4);
  world.hostMemory(8 * GIB);
  t.is(world.state.pressure.level, 'growth', 'there is memory, and no calm yet');
  ask(world, 'data', 100 * MIB);
  t.deepEqual([resizes(world), told(world)], [[], []]);
  world.advance(world.state.config.pressure_calm_ms);
  world.hostMemory(8 * GIB);
  world.advance(world.state.config.resize_hold_ms);
  t.deepEqual(resizes(world), ['open r2']);
});

test('a span is plugged, told, and given back while its instance runs on', (t) => {
  const world = busy();
  ask(world, 'data', 100 * MIB);
  t.deepEqual(resizes(world), ['open r2']);
  t.is(grantedBytes(world.state), BOOT + REGION + 100 * MIB, 'the permit is taken before');
  t.deepEqual(told(world), [], 'nothing is told before it is there');
  complete(world, 'plug');
  t.like(told(world), [{ type: 'open-span', span: 'data', region_id: 'r2' }]);
  t.like(regions(world)[2], { holder: `${instance(world)}/data`, plugged_bytes: 100 * MIB });
  close(world, 'data');
  t.deepEqual(resizes(world), ['close r2']);
  complete(world, 'unplug');
  t.is(grantedBytes(world.state), BOOT + REGION);
  t.like(regions(world)[2], { holder: null, named: null, plugged_bytes: 0 });
  t.is(vm(world)?.instances[0]?.phase, 'busy');
});

test('a span that is asked for again while it is emptied comes after that', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  close(world, 'data');
  ask(world, 'data', 32 * MIB);
  t.deepEqual(resizes(world), ['close r2'], 'one operation of a region at a time');
  complete(world, 'unplug');
  t.deepEqual(resizes(world), ['open r2']);
  complete(world, 'plug');
  t.is(regions(world)[2]?.plugged_bytes, 32 * MIB);
  t.is(told(world).filter(({ type }) => type === 'open-span').length, 2);
});

test('an end that nobody heard is an end: asked for again, it comes anew', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  ask(world, 'data', 64 * MIB);
  t.deepEqual(resizes(world), ['close r2'], 'not in the memory that was written to');
  complete(world, 'unplug');
  complete(world, 'plug');
  t.is(told(world).filter(({ type }) => type === 'open-span').length, 2);
});

for (const [what, span, bytes] of [
  ['one that its function has not', 'other', MIB],
  ['more than its function says', 'data', 257 * MIB],
] as const) {
  test(`${what} is refused at once, and nothing is plugged`, (t) => {
    const world = busy();
    ask(world, span, bytes);
    t.like(told(world), [{ type: 'refuse-span', failure: { code: 'HP_AGENT_SPAN_DENIED' } }]);
    t.deepEqual(resizes(world), []);
    t.is(vm(world)?.instances[0]?.phase, 'busy');
  });
}

test('without memory it waits for its bound, then is denied with the numbers, and recorded', (t) => {
  const world = busy(BOOT + REGION + 32 * MIB);
  ask(world, 'data', 64 * MIB);
  t.deepEqual(told(world), []);
  world.advance(10_000);
  const [denial] = told(world);
  t.like(denial, {
    type: 'refuse-span',
    failure: { details: { bytes: 64 * MIB, waited_ms: 10_000, cause: 'HP_AGENT_NO_MEMORY' } },
  });
  t.like(
    world.actions.find(({ type }) => type === 'record-refusal'),
    { order: { cause: 'open', span: 'data' } },
  );
  t.like(regions(world)[2], { holder: null, named: null });
  world.advance(60_000);
  t.is(told(world).length, 1, 'once');
});

test('memory that comes back in time is the one who waits for it', (t) => {
  const world = busy(BOOT + REGION + 96 * MIB);
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  ask(world, 'model', 64 * MIB);
  t.deepEqual(resizes(world), []);
  close(world, 'data');
  complete(world, 'unplug');
  world.advance(3_000);
  t.deepEqual(resizes(world), ['open r3']);
});

test('a VMM that never plugs: denied at the bound, and its late memory goes back', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  world.advance(10_000);
  t.like(told(world), [{ type: 'refuse-span' }]);
  t.is(grantedBytes(world.state), BOOT + REGION + 64 * MIB, 'it may still plug it');
  complete(world, 'plug');
  t.is(told(world).length, 1, 'what was denied is not opened');
  t.deepEqual(resizes(world), ['close r2']);
  complete(world, 'unplug');
  t.is(grantedBytes(world.state), BOOT + REGION);
});

for (const fault of ['refuse', 'partial', 'fail', 'stall'] as const) {
  test(`a plug that ends '${fault}' is told, its instance runs on, and nothing is kept`, (t) => {
    const world = busy();
    ask(world, 'data', 64 * MIB);
    complete(world, 'plug', fault);
    t.like(told(world), [{ type: 'refuse-span', failure: { code: 'HP_AGENT_SPAN_DENIED' } }]);
    t.is(vm(world)?.instances[0]?.phase, 'busy');
    while (resizes(world).length > 0) complete(world, 'unplug');
    t.is(grantedBytes(world.state), BOOT + REGION);
    t.like(regions(world)[2], { holder: null, named: null });
  });
}

test('a process that ends with spans open: they are emptied once nothing of it is left', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  ask(world, 'model', 64 * MIB);
  complete(world, 'plug r2');
  const about = { vm_id: vm(world)?.id ?? '', instance_id: instance(world) };
  world.send({ type: 'instance-exited', ...about, reason: 'oom', status: null, signal: 9 });
  t.deepEqual(resizes(world), ['open r3'], 'nothing is unplugged under what may be left of it');
  complete(world, 'plug r3');
  t.deepEqual(resizes(world), ['close r3'], 'who asked for it does not wait any more');
  complete(world, 'stop-instance');
  t.deepEqual(resizes(world).toSorted(), ['close r2', 'close r3', 'stop r0']);
  finish(world);
  t.is(grantedBytes(world.state), BOOT);
});

test('an invocation that ends with a span open takes its instance with it', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  complete(world, 'invoke-instance');
  t.is(vm(world)?.instances[0]?.phase, 'stopping');
  finish(world);
  t.is(grantedBytes(world.state), BOOT);
});

test('an invocation whose spans are closed leaves its instance warm', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  close(world, 'data');
  complete(world, 'invoke-instance');
  t.is(vm(world)?.instances[0]?.phase, 'idle');
});

test('a drain waits for no span of an instance that goes on', (t) => {
  const world = busy();
  ask(world, 'data', 100 * MIB);
  complete(world, 'plug');
  const drained = world.drain('f');
  t.like(world.reply(drained), { kind: 'drain' });
  t.is(vm(world)?.instances[0]?.phase, 'busy');
});

test('an agent killed between ask and plug: the next one plugs, and tells', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  killed(world, [{}]);
  t.deepEqual(resizes(world), ['open r2']);
  complete(world, 'plug');
  t.like(told(world), [{ type: 'open-span', span: 'data' }]);
});

test('closed and asked for again with another size while no agent was there: it has that', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  killed(world, [{ bytes: 100 * MIB }]);
  t.deepEqual(resizes(world), ['close r2']);
  complete(world, 'unplug');
  complete(world, 'plug');
  t.like(told(world), [{ type: 'open-span', span: 'data', region_id: 'r2' }]);
  t.is(regions(world)[2]?.plugged_bytes, 100 * MIB);
});

test('an agent killed between plug and word: the next one tells it again', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  killed(world, [{}]);
  t.like(told(world), [{ type: 'open-span', span: 'data', region_id: 'r2' }]);
  t.deepEqual(resizes(world), []);
});

test('a span that was asked for, or closed, while no agent was there', (t) => {
  const world = busy();
  killed(world, [{ span: 'model', bytes: MIB }]);
  t.deepEqual(resizes(world), ['open r3']);
  complete(world, 'plug');
  killed(world);
  t.deepEqual(resizes(world), ['close r3']);
});

const tally = (world: World) => world.state.functions.get('f')?.named_spans;

test('what was opened, is open and took memory is counted, from the plug to the unplug', (t) => {
  const world = busy();
  t.is(tally(world), undefined, 'nobody asked for any');
  ask(world, 'data', 64 * MIB);
  t.is(tally(world), undefined, 'nothing came of it yet');
  complete(world, 'plug');
  t.like(tally(world), { opened: 1, closed: 0, open_bytes: 64 * MIB, plugged_bytes: 64 * MIB });
  world.now_ms += 1_000;
  close(world, 'data');
  t.like(tally(world), { opened: 1, closed: 1, open_bytes: 0, plugged_bytes: 64 * MIB });
  world.now_ms += 500;
  complete(world, 'unplug');
  t.like(tally(world), { opened: 1, closed: 1, denied: 0, last_denied: null, plugged_bytes: 0 });
  t.is(tally(world)?.byte_ms, 64 * MIB * 1_501, 'until the host has it back, a ms later');
});

for (const [what, limit_bytes, span, bytes, code] of [
  ['of a name that it has not', 4 * GIB, 'other', MIB, 'HP_AGENT_SPAN_DENIED'],
  ['above its size', 4 * GIB, 'data', 257 * MIB, 'HP_AGENT_SPAN_DENIED'],
  ['for want of memory', BOOT + REGION + MIB, 'data', 64 * MIB, 'HP_AGENT_NO_MEMORY'],
] as const) {
  test(`a refusal ${what} is counted with its reason, and who waits no longer is none`, (t) => {
    const world = busy(limit_bytes);
    ask(world, span, bytes);
    world.advance(10_000);
    t.like(tally(world), { opened: 0, denied: 1, last_denied: { span, code } });
    ask(world, 'model', 64 * MIB);
    close(world, 'model');
    t.is(tally(world)?.denied, 1);
  });
}

test('what its spans came to stays with a function through an update and the next agent', (t) => {
  const world = busy();
  ask(world, 'data', 64 * MIB);
  complete(world, 'plug');
  ask(world, 'other', MIB);
  world.update('f', { keep_alive_ms: 50_000 });
  killed(world, [{}]);
  t.like(tally(world), { opened: 1, closed: 0, open_bytes: 64 * MIB, denied: 1 }, 'told twice');
  world.send({ type: 'vm-failed', vm_id: vm(world)?.id ?? '', failure: refusalFor('vm-dies') });
  t.like(tally(world), { opened: 1, closed: 1, open_bytes: 0, plugged_bytes: 64 * MIB });
  complete(world, 'shutdown-vm');
  t.like(tally(world), { opened: 1, closed: 1, plugged_bytes: 0, denied: 1 });
});

test('after an update an instance of the earlier definition has the spans that it had', (t) => {
  const world = busy();
  const spans = [{ name: 'other', max_bytes: 32 * MIB, host_node: null }];
  const spec = specOf('f', { mechanism: 'hotmem', keep_alive_ms: 100_000, spans });
  world.send({ type: 'deploy', request_id: world.request(), spec, update: true });
  ask(world, 'data', 64 * MIB);
  t.deepEqual(resizes(world), ['open r2']);
  complete(world, 'launch-vm');
  t.is(world.vmsOf('f')[1]?.regions.length, 4, 'two instances, and a span of each');
  complete(world, 'plug');
  close(world, 'data');
  t.deepEqual(resizes(world), ['close r2']);
});

test('spans that a mechanism or the number of regions does not allow are refused', (t) => {
  for (const [part, why] of [
    [{ mechanism: 'virtio-mem' }, /mechanism 'virtio-mem'/],
    [{ mechanism: 'static' }, /mechanism 'static'/],
    [{ mechanism: 'numa' }, /mechanism 'numa'/],
    [{ concurrency: 200 }, /600 regions/],
  ] as const) {
    const world = new World(64 * GIB);
    const spec = specOf('f', { mechanism: 'hotmem', spans: SPANS, ...part });
    const request_id = world.request();
    world.send({ type: 'deploy', request_id, spec });
    const reply = world.reply(request_id);
    t.like(reply, { kind: 'error', failure: { code: 'HP_AGENT_NO_SPANS' } });
    t.regex(reply?.kind === 'error' ? reply.failure.message : '', why);
  }
});
