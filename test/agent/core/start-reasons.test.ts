/** What an instance was started for is kept with it, and told of it. */
import test from 'ava';
import type { Scale } from '../../../agent/core/policy.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { InstanceState } from '../../../agent/model/state.ts';
import { Edits } from '../../../agent/model/table.ts';
import { explain } from '../../../agent/observe/explain.ts';
import { assert } from '../../../base/assert.ts';
import { GIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

/** A host whose policy answers about numbers as the default one does, but for `scale`. */
function hostOf(part: Partial<FunctionSpec> = {}, scale: Partial<Scale> = {}): World {
  const world = new World(8 * GIB);
  const { policy } = world.context;
  const answering = {
    ...policy,
    scale: (view: Parameters<typeof policy.scale>[0]) => ({ ...policy.scale(view), ...scale }),
  };
  world.context = { ...world.context, policy: answering };
  world.deploy('f', 'hotmem', { concurrency: 4, keep_alive_ms: 100_000, ...part });
  finish(world);
  return world;
}

const instances = (world: World): readonly InstanceState[] =>
  world.vmsOf('f').flatMap((vm) => vm.instances);
const reasons = (world: World): (readonly [string | undefined, string | undefined])[] =>
  instances(world).map(({ started_for }) => [started_for?.what, started_for?.because]);

test('for a call that found no idle instance', (t) => {
  const world = hostOf();
  world.invoke('f');
  t.deepEqual(reasons(world), [['call', "call 'x' found no idle instance"]]);
  finish(world);
  world.invoke('f');
  t.is(reasons(world).length, 1, 'the next call finds it');
});

const kept = (min: number, warm: number): readonly [string, string] => [
  'bounds',
  `at least ${min} instances are kept, and ${warm} idle, by definition or targets`,
];

test('to be kept, by the definition or by targets', (t) => {
  const world = hostOf({ instances: { min: 2, max: 4 } });
  t.deepEqual(reasons(world), [kept(2, 0), kept(2, 0)]);
  const warm = hostOf();
  warm.setTargets('f', { warm: 1 });
  t.deepEqual(reasons(warm), [kept(0, 1)]);
});

test('by the pool, with what it reckons', (t) => {
  const world = hostOf({}, { warm: 2, because: () => '99 of 100 calls want 2 instances' });
  const why = ['pool', '99 of 100 calls want 2 instances'] as const;
  t.deepEqual(reasons(world), [why, why]);
  t.deepEqual(reasons(hostOf({}, { warm: 1 })), [['pool', 'its policy wants 1 idle']]);
});

test('by its policy, where that starts more than somebody waits for', (t) => {
  const world = hostOf();
  const { policy } = world.context;
  const scale: typeof policy.scale = (view) => ({ ...policy.scale(view), starts: 2 });
  world.context = { ...world.context, policy: { ...policy, scale } };
  world.invoke('f');
  t.deepEqual(
    reasons(world).map(([what]) => what),
    ['call', 'policy'],
  );
});

test('for calls of DAGs that are foreseen', (t) => {
  const world = hostOf();
  const call = (id: string) => ({ id, at_ms: world.now_ms, until_ms: world.now_ms + 60_000 });
  world.send({ type: 'expect', function: 'f', calls: [call('a'), call('b')], dropped: [] });
  const why = ['foreseen', 'calls of its DAGs are foreseen: 2'] as const;
  t.deepEqual(reasons(world), [why, why]);
});

test('explain tells it, and of one that an earlier agent has started nothing', (t) => {
  const world = hostOf();
  world.invoke('f');
  const [instance] = instances(world);
  const about = { policy: 'p', now_ms: world.now_ms };
  const told = explain(world.state, instance?.id ?? '', about);
  t.like(told, { started_for: 'call', started_because: "call 'x' found no idle instance" });
  t.is(told.started_at_ms, instance?.decided_at_ms ?? -1);
  const [vm] = world.vmsOf('f');
  assert(vm && instance, 'it is there');
  const { started_for: _for, decided_at_ms: _at, ...older } = instance;
  const edits = new Edits(world.state.vms);
  edits.set(vm.id, { ...vm, instances: [older] });
  const vms = world.state.vms.with(edits);
  const nothing = { started_for: null, started_because: null, started_at_ms: null };
  t.like(explain({ ...world.state, vms }, instance.id, about), nothing);
});
