/**
 * Goal: memory of a host node has a budget of its own: what is bound there is granted from it
 * alone, waits for it alone, and is refused where it is not.
 */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { freeBytes } from '../../../agent/core/permits.ts';
import { openDraft } from '../../../agent/core/draft.ts';
import { beginOf, stateOf } from '../../../agent/model/told-events.ts';
import {
  budgetOf,
  bytesOf,
  lessBytes,
  nodeLimits,
  parseNodeLimits,
  sumBytes,
  tierBytes,
  tierOf,
  totalBytes,
} from '../../../agent/model/tiers.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { chaosPolicy } from './chaos-policy.ts';
import { complete, finish } from './actions.ts';
import { type Move, MOVES, play } from './moves.ts';
import { World } from './world.ts';

const LIMITS = [{ node: 1, bytes: 256 * MIB }];

/** A host of 2 GiB, of which node 1 has 256 MiB. */
function hostWithNode(): World {
  return new World(2 * GIB, { node_limits: LIMITS, vmm_overhead_bytes: 0 });
}

/** Deployed, and its VM runs. */
function serving(world: World, name: string, host_node: number | null, concurrency = 3): void {
  world.deploy(name, 'virtio-mem', { host_node, concurrency });
  world.quiesce();
}

test('a region of a bound function is granted from its node, its VM from the host', (t) => {
  const world = hostWithNode();
  serving(world, 'a', 1);
  world.invoke('a');
  const { granted, capacity } = world.state;
  t.is(capacity.host, 2 * GIB - 256 * MIB, 'what no node has');
  t.is(granted.host, 256 * MIB, 'boot memory');
  t.is(bytesOf(granted, 'node1'), 128 * MIB);
  t.is(totalBytes(granted), 384 * MIB);
  const draft = openDraft(world.state, 0, { policy: DEFAULT_POLICY, recording: false });
  t.is(freeBytes(draft, 'node1'), 128 * MIB, 'the half of its node');
  t.deepEqual(
    world.vmsOf('a')[0]?.regions.map(({ tier }) => tier),
    ['node1', 'node1', 'node1'],
  );
  world.quiesce();
  t.is(bytesOf(world.state.granted, 'node1'), 0, 'all of it is back');
});

test('beyond its node a start is refused, however much the host has', (t) => {
  const world = hostWithNode();
  serving(world, 'a', 1);
  for (let count = 0; count < 3; count += 1) world.invoke('a');
  t.is(bytesOf(world.state.granted, 'node1'), 256 * MIB);
  t.is(world.vmsOf('a')[0]?.instances.length, 2, 'two of three start');
  const draft = openDraft(world.state, 0, { policy: DEFAULT_POLICY, recording: false });
  t.is(freeBytes(draft, 'node1'), 0);
  t.true(freeBytes(draft, 'host') > GIB);
  world.quiesce();
  world.state = { ...world.state, config: { ...world.state.config, memory_wait_ms: 0 } };
  const [, , third] = [world.invoke('a'), world.invoke('a'), world.invoke('a')];
  const reply = world.reply(third ?? '');
  const failure = reply?.kind === 'invoke' ? reply.failure : null;
  t.is(failure?.code, 'HP_AGENT_NO_MEMORY');
  t.regex(failure?.message ?? '', /256 MiB of the limit of host node 1 of 256 MiB are granted/);
  t.is(failure?.details['host_node'], 1);
});

function needWaits({ state: { short } }: World, names: readonly string[]): void {
  if (short.join() !== names.join()) throw new Error(`${short.join()} wait, not ${names.join()}`);
}

/** `one` waits for memory of node 1, all of which an idle instance of `other` has. */
function waitingForNode(host_bytes: number): World {
  const facts = { node_limits: LIMITS, vmm_overhead_bytes: 0, memory_wait_ms: 5_000 };
  const world = new World(host_bytes + 256 * MIB, facts);
  const bound = { keep_alive_ms: 1e6, host_node: 1, limit_bytes: 256 * MIB, concurrency: 1 };
  for (const name of ['other', 'one']) {
    world.deploy(name, 'virtio-mem', bound);
    finish(world);
  }
  world.invoke('other');
  finish(world);
  world.invoke('one');
  needWaits(world, ['one']);
  return world;
}

test('whoever waits for a node holds nobody up who wants memory of the host', (t) => {
  const world = waitingForNode(3 * 256 * MIB + 128 * MIB);
  world.deploy('b', 'virtio-mem', { concurrency: 1 });
  complete(world, 'launch-vm');
  world.advance(10);
  const starts = () => world.pending.filter(({ type }) => type === 'start-instance').length;
  t.is(starts(), 0);
  world.invoke('b');
  t.is(starts(), 1, 'it starts at once');
  needWaits(world, ['one']);
});

test('nobody of a node gives way to who wants memory of the host, and the other way round', (t) => {
  const world = waitingForNode(3 * 256 * MIB);
  world.deploy('b', 'virtio-mem', { concurrency: 1 });
  complete(world, 'launch-vm');
  const reply = world.reply(world.invoke('b'));
  const failure = reply?.kind === 'invoke' ? reply.failure : null;
  t.is(failure?.code, 'HP_AGENT_NO_MEMORY', 'what comes is of the node, and helps it nothing');
  needWaits(world, ['one']);
});

test('of each tier whoever waits longest is served, though another waits longer for another', (t) => {
  const world = waitingForNode(5 * 256 * MIB + 2 * 128 * MIB);
  for (const name of ['b', 'd', 'c']) {
    world.deploy(name, 'virtio-mem', { concurrency: 1, keep_alive_ms: 1e6 });
    complete(world, 'launch-vm');
  }
  for (const name of ['b', 'd']) {
    world.invoke(name);
    for (const type of ['plug', 'start-instance', 'invoke']) complete(world, type);
    world.advance(10);
  }
  const request = world.invoke('c');
  needWaits(world, ['one', 'c']);
  const stops = world.pending.filter(({ type }) => type === 'stop-instance').length;
  t.is(stops, 2, 'one in each tier: no more gives way than its own lack');
  // What `one` waits for stays where it is: the stop of its other is never answered.
  const other = world.vmsOf('other')[0]?.id;
  const stop = world.pending.findIndex((one) => {
    return one.type === 'stop-instance' && one.vm_id !== other;
  });
  t.true(stop >= 0);
  world.complete(stop);
  complete(world, 'unplug');
  needWaits(world, ['one']);
  const started = world.pending.some((one) => {
    return one.type === 'start-instance' && one.vm_id === world.vmsOf('c')[0]?.id;
  });
  t.true(started);
  t.is(world.reply(request), undefined, 'it runs');
});

test('a node that the agent has no limit for is refused, with those that it has', (t) => {
  const world = hostWithNode();
  const reply = world.reply(world.deploy('a', 'virtio-mem', { host_node: 3 }));
  t.is(reply?.kind, 'error');
  const { failure } = reply?.kind === 'error' ? reply : { failure: null };
  t.is(failure?.code, 'HP_AGENT_NO_HOST_NODE');
  t.regex(failure?.message ?? '', /host node 3, and this agent has some to give of node 1 alone/);
  const plain = new World(2 * GIB);
  const other = plain.reply(plain.deploy('a', 'virtio-mem', { host_node: 0 }));
  t.regex(other?.kind === 'error' ? other.failure.message : '', /none to give of any node/);
});

test('a function larger than its node can never run, and the message says of which limit', (t) => {
  const world = hostWithNode();
  const big = { host_node: 1, limit_bytes: 512 * MIB };
  const reply = world.reply(world.deploy('a', 'virtio-mem', big));
  const { failure } = reply?.kind === 'error' ? reply : { failure: null };
  t.is(failure?.code, 'HP_AGENT_NO_MEMORY');
  t.regex(failure?.message ?? '', /more than the 256 MiB of host node 1/);
});

test('`static` takes its node whole, from boot on', (t) => {
  const world = hostWithNode();
  world.deploy('a', 'static', { host_node: 1, concurrency: 2 });
  t.is(bytesOf(world.state.granted, 'node1'), 256 * MIB);
  world.quiesce();
  world.remove('a');
  world.quiesce();
  t.deepEqual(totalBytes(world.state.granted), 0);
});

test('an update to another node replaces the VM, and what is granted moves with it', (t) => {
  const world = hostWithNode();
  serving(world, 'a', null);
  world.update('a', { host_node: 1 });
  world.quiesce();
  t.deepEqual(
    world.vmsOf('a').map(({ regions }) => regions[0]?.tier),
    ['node1'],
  );
  const request = world.update('a', { host_node: 2 });
  const reply = world.reply(request);
  t.is(reply?.kind === 'error' && reply.failure.code, 'HP_AGENT_NO_HOST_NODE');
});

test('budgets are told with the first event and begin a host that is alike', (t) => {
  const { state } = hostWithNode();
  t.deepEqual(stateOf(beginOf(state, 'default')).capacity, state.capacity);
  t.deepEqual(nodeLimits(state.capacity), LIMITS);
});

test('limits of nodes are read as they are written, or not at all', (t) => {
  t.deepEqual(parseNodeLimits('0=1GiB, 12=512MiB'), [
    { node: 0, bytes: GIB },
    { node: 12, bytes: 512 * MIB },
  ]);
  for (const text of ['', '1', '1=', '=1GiB', '1=0', '1=1GiB,1=2GiB', '5000=1GiB', '-1=1GiB']) {
    t.is(parseNodeLimits(text), null, text);
  }
});

test('tiers add up: what is added and taken again leaves what was', async (t) => {
  const tier = fc.constantFrom(null, 0, 1, 7).map(tierOf);
  const some = fc.array(fc.tuple(tier, fc.nat(1e9)), { maxLength: 6 });
  const property = fc.property(some, some, (a, b) => {
    const sumOf = (all: typeof a) =>
      all.reduce((sum, [of, bytes]) => sumBytes(sum, tierBytes(of, bytes)), budgetOf(0, []));
    const [x, y] = [sumOf(a), sumOf(b)];
    const both = sumBytes(x, y);
    if (totalBytes(both) !== totalBytes(x) + totalBytes(y)) throw new Error('the total differs');
    const back = lessBytes(both, y);
    for (const [of] of [...a, ...b]) {
      if (bytesOf(back, of) !== bytesOf(x, of)) throw new Error(`${of} is not as it was`);
    }
  });
  await holds(t, property);
});

/** Functions are bound to this node or that, whenever they are defined. */
const BOUND_MOVES = fc
  .tuple(MOVES, fc.array(fc.constantFrom(null, 1, 2, 9), { minLength: 1, maxLength: 8 }))
  .map(([moves, nodes]) =>
    moves.map((move, index): Move => {
      const host_node = nodes[index % nodes.length] ?? null;
      return move.kind === 'deploy' || move.kind === 'update' ? { ...move, host_node } : move;
    }),
  );

const budgets = fc.record({
  gib: fc.constantFrom(1, 2, 4),
  first: fc.constantFrom(128 * MIB, 512 * MIB),
  second: fc.constantFrom(null, 256 * MIB),
});

function boundWorld({ gib, first, second }: { gib: number; first: number; second: number | null }) {
  const node_limits = [{ node: 1, bytes: first }];
  if (second !== null) node_limits.push({ node: 2, bytes: second });
  return new World(gib * GIB, { node_limits });
}

/** What must hold after each step, of each tier too, is checked by World. */
function live(world: World, moves: readonly Move[], policy = DEFAULT_POLICY): void {
  world.context = { policy, recording: true };
  const requests = play(world, moves);
  world.context = { policy: DEFAULT_POLICY, recording: false };
  world.hostMemory(null);
  requests.push(world.cordon(null));
  for (const name of ['a', 'b']) requests.push(world.setTargets(name, {}));
  world.quiesce();
  for (const name of ['a', 'b']) requests.push(world.remove(name));
  world.quiesce();
  for (const id of requests) if (!world.reply(id)) throw new Error(`${id}: no answer`);
  if (totalBytes(world.state.granted) !== 0) throw new Error('something is granted for nobody');
}

test('no tier gives more than it has, whatever callers, guests and VMMs do', async (t) => {
  const property = fc.property(BOUND_MOVES, budgets, (moves, of) => live(boundWorld(of), moves));
  await holds(t, property, { runs: 600 });
});

test('and whatever a policy answers', async (t) => {
  const property = fc.property(BOUND_MOVES, budgets, fc.nat(), (moves, of, seed) => {
    live(boundWorld(of), moves, chaosPolicy(seed));
  });
  await holds(t, property, { runs: 600, lane: 1 });
});
