/**
 * Goal: an instance can have a part of its memory on one node of the host and the rest on another:
 * both are granted and plugged or none, it serves when both are there, and both come back.
 */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { totalBytes } from '../../../agent/model/tiers.ts';
import type { TiersSpec } from '../../../agent/model/tiers-spec.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { complete, finish } from './actions.ts';
import { chaosPolicy } from './chaos-policy.ts';
import { type Move, MOVES, play } from './moves.ts';
import { both, GROWS, plugs, QUARTER, running, SIZE, SPLITTING, TABLE } from './split.ts';
import { World } from './world.ts';

const BOOT = 256 * MIB;

for (const mechanism of SPLITTING) {
  test(`${mechanism}: a start plugs a part near and the rest far, and serves when both are there`, (t) => {
    for (const order of [
      ['plug r0', 'plug r2'],
      ['plug r2', 'plug r0'],
    ] as const) {
      const world = running({ mechanism });
      const request = world.invoke('f');
      t.deepEqual(world.pendingTypes(), ['plug r0', 'plug r2', 'start-instance']);
      t.deepEqual(both(world), [128, 384]);
      complete(world, 'start-instance');
      complete(world, order[0]);
      t.false(world.pendingTypes().includes('invoke-instance'), 'a half is not enough');
      complete(world, order[1]);
      finish(world);
      t.like(world.reply(request), { outcome: 'done', cold: true });
      const [instance] = world.vmsOf('f')[0]?.instances ?? [];
      t.like(instance?.parts, { near_bytes: 128 * MIB, far_bytes: 384 * MIB, chosen: null });
    }
  });

  test(`${mechanism}: its guest is told of the far region and of how much is to be in each`, (t) => {
    const world = running({ mechanism });
    world.invoke('f');
    const start = world.actions.find((one) => one.type === 'start-instance');
    t.like(start, { region_id: 'r0' });
    const sizes = { near_bytes: 128 * MIB, far_bytes: 384 * MIB };
    t.deepEqual(start?.type === 'start-instance' && start.far, {
      region_id: 'r2',
      region_index: 2,
      ...sizes,
    });
  });

  test(`${mechanism}: both parts come back when it ends, each to its own budget`, (t) => {
    const world = running({ mechanism, keep_alive_ms: 1_000 });
    world.invoke('f');
    finish(world);
    world.advance(1_000);
    complete(world, 'stop-instance');
    t.deepEqual(
      world.pendingTypes().toSorted(),
      ['unplug r0', 'unplug r2'],
      'one operation a region',
    );
    complete(world, 'unplug r2');
    t.deepEqual(both(world), [128, 0]);
    complete(world, 'unplug r0');
    t.deepEqual(both(world), [0, 0]);
  });

  test(`${mechanism}: where all or nothing is near it is an ordinary instance of that node`, (t) => {
    for (const [share, node, wanted] of [
      [0, 'node2', [0, 512]],
      [1, 'node1', [512, 0]],
      // In whole blocks that is all of it.
      [0.8, 'node1', [512, 0]],
    ] as const) {
      const world = running({ mechanism, tiers: { ...QUARTER, share }, keep_alive_ms: 1_000 });
      const regions = world.vmsOf('f')[0]?.regions;
      t.deepEqual(
        regions?.map(({ tier, far_index }) => [tier, far_index]),
        [
          [node, undefined],
          [node, undefined],
        ],
      );
      world.invoke('f');
      t.deepEqual(plugs(world), ['plug r0']);
      const start = world.actions.find((one) => one.type === 'start-instance');
      t.false(start && 'far' in start);
      t.deepEqual(both(world), wanted);
      finish(world);
      t.is(world.vmsOf('f')[0]?.instances[0]?.parts, undefined);
      world.advance(1_000);
      complete(world, 'stop-instance');
      t.deepEqual(world.pendingTypes(), ['unplug r0']);
      finish(world);
      t.deepEqual(both(world), [0, 0]);
    }
  });
}

for (const [lacks, room] of [
  ['near', { near: 128 * MIB }],
  ['far', { far: 384 * MIB }],
] as const) {
  test(`what is wanting of ${lacks} memory alone is taken of neither`, (t) => {
    const world = running({ concurrency: 2 }, room);
    world.invoke('f');
    while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
    const second = world.invoke('f');
    t.deepEqual(both(world), [128, 384], 'all or nothing');
    t.is(world.vmsOf('f')[0]?.instances.length, 1);
    finish(world);
    t.like(world.reply(second), { outcome: 'refused' }, 'all of it is in use by calls');
  });
}

test('who lacks far memory waits for it, and idle instances that have some give way', (t) => {
  const world = running({}, { near: 4 * GIB, far: 384 * MIB });
  world.deploy('g', 'numa', { ...SIZE, tiers: QUARTER });
  finish(world);
  world.invoke('f');
  finish(world);
  const request = world.invoke('g');
  t.is(world.state.functions.get('g')?.short?.tier, 'node2');
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
  t.is(world.vmsOf('f')[0]?.instances.length, 0);
});

const ENDS = SPLITTING.flatMap((mechanism) =>
  (['r0', 'r2'] as const).map((part) => ({ mechanism, part })),
);
for (const { mechanism, part } of ENDS) {
  for (const fault of ['refuse', 'fail', 'partial'] as const) {
    test(`${mechanism}: a plug of ${part} that ends '${fault}' ends the start, and both come back`, (t) => {
      const world = running({ mechanism });
      const request = world.invoke('f');
      complete(world, `plug ${part}`, fault);
      finish(world);
      t.like(world.reply(request), { outcome: 'failed' });
      world.quiesce();
      world.drain('f');
      world.quiesce();
      t.deepEqual(both(world), [0, 0]);
    });
  }
}

for (const mechanism of SPLITTING) {
  test(`${mechanism}: a start that another agent finds begun is asked for again, with both`, (t) => {
    const world = running({ mechanism });
    world.invoke('f');
    world.restart();
    complete(world, 'adopt-vm');
    t.deepEqual(plugs(world).toSorted(), ['plug r0', 'plug r2']);
    const start = world.pending.find((one) => one.type === 'start-instance');
    t.like(start, { far: { region_id: 'r2', near_bytes: 128 * MIB, far_bytes: 384 * MIB } });
  });

  test(`${mechanism}: a VM that is gone gives both parts back`, (t) => {
    const world = running({ mechanism });
    world.invoke('f');
    complete(world, 'plug r2', 'vm-dies');
    finish(world);
    t.deepEqual(both(world), [0, 0]);
  });
}

test('what targets of a later definition leave of its memory is divided in whole blocks', (t) => {
  for (const mechanism of SPLITTING) {
    const world = running({ mechanism }, { policy: HISTORY_POLICY });
    world.update('f', { tiers: null, memory: GROWS });
    t.like(world.reply(world.setTargets('f', { max_bytes: 300 * MIB })), { kind: 'targets' });
    world.invoke('f');
    t.deepEqual(plugs(world), ['plug r0', 'plug r2'], 'its other VM is not there yet');
    t.deepEqual(
      both(world).map((mib) => mib % 128),
      [0, 0],
      mechanism,
    );
    finish(world);
  }
});

test('a share is chosen at each start, by how often the function is called then', (t) => {
  const tiers = { far_node: 2, share: null, table: TABLE };
  const world = running({ tiers, concurrency: 8 }, { near: 3 * GIB, far: 4 * GIB });
  world.context = { policy: DEFAULT_POLICY, recording: true };
  world.invoke('f');
  const first = world.vmsOf('f')[0]?.instances[0]?.parts;
  t.like(first?.chosen, { share: 0.25, calls_per_s: null, instances: 1, alone_share: 0.25 });
  for (let call = 0; call < 40; call += 1) {
    world.now_ms += 25;
    world.invoke('f');
  }
  const last = world.vmsOf('f')[0]?.instances.at(-1)?.parts;
  // 40 calls a second: 390 ms keep 25 instances with 128 MiB near, 130 ms 11 with 256 MiB.
  t.like(last?.chosen, { share: 0.5, alone_share: 0.25 });
  t.like(last, { near_bytes: 256 * MIB, far_bytes: 256 * MIB });
  const { near_bytes = 0, alone_near_bytes = null } = last?.chosen ?? {};
  t.true(near_bytes < (alone_near_bytes ?? 0));
  const said = world.decisions.filter(({ policy }) => policy === 'tiers');
  t.is(said.length, world.vmsOf('f')[0]?.instances.length ?? -1, 'one of each start');
  t.like(said.at(-1), { question: 'size', answer: 'share 0.5' });
  t.regex(said.at(-1)?.reason ?? '', /^latencies modelled \(stated\).*alone would get 0\.25/);
});

test('another table, or a share that its regions have room for, changes in place', (t) => {
  const tiers = { far_node: 2, share: null, table: TABLE };
  const world = running({ tiers }, { near: 2 * GIB, far: 4 * GIB });
  const replaced = (next: TiersSpec): unknown => {
    const reply = world.reply(world.update('f', { tiers: next }, true));
    return reply?.kind === 'deploy' && reply.replaced_vms;
  };
  t.is(replaced({ ...tiers, table: { ...TABLE, slo_ms: 200 } }), 0);
  t.is(replaced({ far_node: 2, share: 0.5, table: null }), 0);
  t.is(replaced({ far_node: 2, share: 0, table: null }), 1, 'all of it far: no region has that');
  world.update('f', { tiers: { ...tiers, table: { ...TABLE, slo_ms: 200 } } });
  world.invoke('f');
  t.like(world.vmsOf('f')[0]?.instances[0]?.parts?.chosen, { share: 0.5, slo_ms: 200 });
});

const PARTS = fc.record({
  mechanism: fc.constantFrom(...SPLITTING),
  far_node: fc.constantFrom(2, 2, 9),
  share: fc.constantFrom(null, 0, 0.25, 0.5, 1),
});

/** Functions with two parts, and others beside them, whenever they are defined. */
const SPLIT_MOVES = fc
  .tuple(MOVES, fc.array(fc.option(PARTS), { minLength: 1, maxLength: 6 }), fc.nat(2))
  .map(([moves, parts, node]) =>
    moves.map((move, index): Move => {
      if (move.kind !== 'deploy' && move.kind !== 'update') return move;
      const part = parts[index % parts.length];
      const host_node = node === 2 ? null : node;
      if (!part) return { ...move, host_node };
      const { mechanism, ...tiers } = part;
      const table = part.share === null ? TABLE : null;
      return { ...move, host_node, mechanism, tiers: { ...tiers, table } };
    }),
  );

const budgets = fc.record({
  gib: fc.constantFrom(2, 4),
  near: fc.constantFrom(256 * MIB, 512 * MIB),
  far: fc.constantFrom(256 * MIB, 512 * MIB),
});

/** What must hold after each step, of both parts too, is checked by World. */
function live(
  { gib, near, far }: { readonly gib: number; readonly near: number; readonly far: number },
  moves: readonly Move[],
  policy = DEFAULT_POLICY,
): void {
  const node_limits = [
    { node: 1, bytes: near },
    { node: 2, bytes: far },
  ];
  const world = new World(gib * GIB, { node_limits });
  world.series_revision = '11';
  world.context = { policy, recording: true };
  const requests = play(world, moves);
  world.context = { policy: DEFAULT_POLICY, recording: false };
  world.hostMemory(null);
  requests.push(world.cordon(null));
  for (const name of ['a', 'b']) requests.push(world.setTargets(name, {}));
  for (const name of ['a', 'b']) requests.push(world.drain(name));
  world.quiesce();
  for (const vm of world.state.vms.values()) {
    if (vm.phase === 'running' && vm.instances.length > 0) throw new Error(`stuck in ${vm.id}`);
  }
  for (const name of ['a', 'b']) requests.push(world.remove(name));
  world.quiesce();
  for (const id of requests) if (!world.reply(id)) throw new Error(`${id}: no answer`);
  if (totalBytes(world.state.granted) !== 0) throw new Error('something is granted for nobody');
}

test('both parts or none, and each within its budget, whatever guests and VMMs do', async (t) => {
  const property = fc.property(SPLIT_MOVES, budgets, (moves, of) => live(of, moves));
  await holds(t, property, { runs: 600 });
});

test('and whatever a policy answers', async (t) => {
  const property = fc.property(SPLIT_MOVES, budgets, fc.nat(), (moves, of, seed) => {
    live(of, moves, chaosPolicy(seed));
  });
  await holds(t, property, { runs: 600, lane: 1 });
});

test('its boot memory is of no part', (t) => {
  t.is(running().state.granted.host, BOOT);
});
