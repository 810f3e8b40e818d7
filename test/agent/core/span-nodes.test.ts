/** Spans on a node of the host of their own: local memory of an instance, and far memory beside. */
import test from 'ava';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { bytesOf } from '../../../agent/model/tiers.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

const NODE = { node: 1, bytes: 192 * MIB };
const FAR = [{ name: 'far', max_bytes: 256 * MIB, host_node: 1 }];
const onNode = (world: World): number => bytesOf(world.state.granted, 'node1');

/** A function whose one instance is busy. */
function busy(part: Partial<FunctionSpec>, node_limits = [NODE]): World {
  const world = new World(4 * GIB, { node_limits });
  world.deploy('f', 'hotmem', { keep_alive_ms: 100_000, ...part });
  finish(world);
  world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  world.actions.length = 0;
  return world;
}

const regions = (world: World) => world.vmsOf('f')[0]?.regions ?? [];

function told(world: World, type: 'span-asked' | 'span-closed', bytes = 0): void {
  const [vm] = world.vmsOf('f');
  const about = {
    vm_id: vm?.id ?? '',
    instance_id: vm?.instances[0]?.id ?? '',
    span: 'far',
    serial: null,
  };
  if (type === 'span-closed') world.send({ type, ...about });
  else world.send({ type, ...about, bytes, said_at_ms: null });
}

test('a span on a node of its own is granted from it, and its instance from where it is', (t) => {
  const world = busy({ spans: FAR });
  t.deepEqual(
    regions(world).map(({ tier }) => tier),
    ['host', 'host', 'node1', 'node1'],
  );
  t.is(onNode(world), 0);
  const before = world.state.granted.host;
  told(world, 'span-asked', 128 * MIB);
  complete(world, 'plug');
  t.deepEqual([onNode(world), world.state.granted.host], [128 * MIB, before]);
  told(world, 'span-closed');
  complete(world, 'unplug');
  t.deepEqual([onNode(world), world.state.granted.host], [0, before]);
});

test('a span that its node has no room for is refused in the end, however much the host has', (t) => {
  const world = busy({ spans: FAR });
  told(world, 'span-asked', 256 * MIB);
  t.false(world.pendingTypes().includes('resize-region'));
  const [asked] = regions(world).flatMap(({ named }) => named ?? []);
  world.advance((asked?.deny_at_ms ?? 0) - world.now_ms);
  const refused = world.actions.find(({ type }) => type === 'refuse-span');
  t.regex(JSON.stringify(refused), /limit of host node 1 of 192 MiB/);
});

test('a function is on one node, and a span of it on another', (t) => {
  const limits = [NODE, { node: 0, bytes: GIB }];
  const spans = [...FAR, { name: 'own', max_bytes: 64 * MIB, host_node: null }];
  const world = busy({ host_node: 0, spans }, limits);
  t.deepEqual(
    regions(world).map(({ tier }) => tier),
    ['node0', 'node0', 'node1', 'node0', 'node1', 'node0'],
  );
});

test('a span on a node that the agent has nothing of is refused at deploy', (t) => {
  const world = new World(4 * GIB, { node_limits: [NODE] });
  const spans = [{ name: 'far', max_bytes: 64 * MIB, host_node: 2 }];
  const reply = world.reply(world.deploy('f', 'hotmem', { spans }));
  const { failure } = reply?.kind === 'error' ? reply : { failure: null };
  t.is(failure?.code, 'HP_AGENT_NO_HOST_NODE');
  t.is(failure?.details['host_node'], 2);
});
