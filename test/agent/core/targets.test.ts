/** Targets: bounds and wishes from outside, within which policies answer, until they expire. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { NO_VALUES, type TargetValues } from '../../../agent/model/targets.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

function deployed(part: Partial<FunctionSpec> = {}, limit_bytes: number = 8 * GIB): World {
  const world = new World(limit_bytes);
  world.deploy('f', 'virtio-mem', { concurrency: 4, keep_alive_ms: 1_000, ...part });
  finish(world);
  return world;
}

function set(
  world: World,
  values: Partial<TargetValues>,
  more: { readonly for_ms?: number; readonly revision?: number } = {},
) {
  const request_id = world.request();
  world.send({
    type: 'set-targets',
    request_id,
    function: 'f',
    values: { ...NO_VALUES, ...values },
    for_ms: more.for_ms ?? null,
    author: 'somebody',
    reason: 'the test',
    revision: more.revision ?? null,
  });
  finish(world);
  return world.reply(request_id);
}

/** How many instances are in each phase, those of all VMs. */
const count = (world: World, phase: string): number =>
  world.vmsOf('f').flatMap(({ instances }) => instances.filter((one) => one.phase === phase))
    .length;

test('so many instances as instances_min are started and kept, beyond their keep-alive', (t) => {
  const world = deployed();
  t.like(set(world, { instances_min: 3 }), {
    kind: 'targets',
    targets: { revision: 1, author: 'somebody', reason: 'the test', expires_at_ms: null },
  });
  t.is(count(world, 'idle'), 3);
  world.advance(60_000);
  finish(world);
  t.is(count(world, 'idle'), 3);
});

test('instances_min of the definition holds until targets say otherwise', (t) => {
  const world = deployed({ instances: { min: 2, max: null } });
  t.is(count(world, 'idle'), 2);
  set(world, { instances_min: 0 });
  world.advance(1_000);
  finish(world);
  t.is(count(world, 'idle'), 0);
});

test('no more than instances_max start; what waits is served by those there are', (t) => {
  const world = deployed({ concurrency: 1, max_vms: 3 });
  set(world, { instances_max: 2 });
  const requests = Array.from({ length: 4 }, () => world.invoke('f'));
  for (let steps = 0; world.pending.length > 0 && steps < 100; steps += 1) {
    const present = world.vmsOf('f').flatMap(({ instances }) => instances);
    t.true(present.filter(({ phase }) => phase !== 'stopping').length <= 2);
    world.complete(0);
  }
  for (const id of requests) t.like(world.reply(id), { outcome: 'done' });
  t.is(world.vmsOf('f').length, 2, 'and no VM for more');
});

test('when instances_max falls, idle instances above it end', (t) => {
  const world = deployed();
  set(world, { instances_min: 4 });
  set(world, { instances_max: 1, keep_alive_ms: 1e6 });
  t.is(count(world, 'idle'), 1);
});

test('warm ones are kept beside those that are busy', (t) => {
  const world = deployed();
  set(world, { warm: 1 });
  t.is(count(world, 'idle'), 1);
  world.advance(60_000);
  t.is(count(world, 'idle'), 1, 'beyond their keep-alive');
  world.invoke('f');
  world.complete(world.pendingTypes().findIndex((one) => one.startsWith('plug')));
  world.complete(world.pendingTypes().findIndex((one) => one.startsWith('start')));
  t.is(count(world, 'busy'), 1);
  t.is(count(world, 'idle'), 1);
});

test('a reserve is kept plugged ahead of starts', (t) => {
  const world = deployed();
  set(world, { reserve: 2 });
  t.is(world.vmsOf('f')[0]?.regions.filter(({ ready }) => ready).length, 2);
});

test('the definition holds again when they expire, and who set them stays known', (t) => {
  const world = deployed();
  set(world, { instances_min: 2 }, { for_ms: 10_000 });
  world.advance(9_900);
  finish(world);
  t.is(count(world, 'idle'), 2);
  world.advance(2_000);
  finish(world);
  t.is(count(world, 'idle'), 0);
  t.like(world.state.functions.get('f')?.targets, {
    values: NO_VALUES,
    revision: 2,
    author: 'somebody',
  });
});

/** Keeps as many as it was asked to start, and counts what it hears of. */
const counting = (name: string, warm: number): Policy => ({
  ...DEFAULT_POLICY,
  name,
  scale: (view) => {
    const there = view.vms.flatMap(({ instances }) => instances).length;
    return { ...DEFAULT_POLICY.scale(view), starts: Math.max(0, warm - there), stops: [] };
  },
  learn: (memory, event) => {
    const heard = typeof memory === 'object' && memory !== null ? memory : {};
    const of = 'function' in event ? event.function : event.type;
    return { ...heard, [of]: true };
  },
});

/** Two functions on an agent with a policy of its own and another one. */
function chosen(): World {
  const world = new World(8 * GIB);
  const other = counting('other', 2);
  const policies = new Map([[other.name, other]]);
  world.context = { policy: counting('own', 0), policies, recording: true };
  for (const name of ['f', 'g']) world.deploy(name, 'virtio-mem', { concurrency: 4 });
  finish(world);
  return world;
}

test('a policy answers for the functions that name it, and the own one for all others', (t) => {
  const world = chosen();
  t.like(set(world, { policy: 'other' }), { targets: { values: { policy: 'other' } } });
  t.is(count(world, 'idle'), 2);
  t.is(world.vmsOf('g')[0]?.instances.length, 0);
  const asked = world.decisions.filter(({ answer }) => answer.startsWith('start 2'));
  t.deepEqual([...new Set(asked.map(({ policy }) => policy))], ['other']);
});

test('the own policy answers again when they expire, for what is there then', (t) => {
  const world = chosen();
  set(world, { policy: 'other' }, { for_ms: 5_000 });
  world.advance(6_000);
  finish(world);
  world.invoke('f');
  t.is(world.decisions.at(-1)?.policy, 'own');
});

test('each policy learns of its own functions, and of every end of what it may remember', (t) => {
  const world = chosen();
  set(world, { policy: 'other' });
  world.invoke('f');
  world.invoke('g');
  const heard = (name: string): string[] => Object.keys(world.state.policy_state[name] ?? {});
  t.true(heard('other').includes('f'));
  t.false(heard('other').includes('g'));
  for (const name of ['f', 'g']) t.true(heard('own').includes(name));
  world.remove('g');
  t.true(heard('other').includes('g'), 'what is told of its end');
});

for (const [policy, part, why] of [
  ['nobody', {}, /policy is 'nobody', and this agent has own, other/],
  [
    'other',
    {
      limit_bytes: 512 * MIB,
      memory: {
        baseline_bytes: 128 * MIB,
        increment_bytes: null,
        history: false,
        grow_wait_ms: null,
        expression: null,
      },
    },
    /'other' gives an instance one size/,
  ],
] as const) {
  test(`a policy is refused that cannot answer: ${why.source}`, (t) => {
    const world = new World(8 * GIB);
    const own: Policy = { ...counting('own', 0), elastic: true };
    const policies = new Map([['other', counting('other', 0)]]);
    world.context = { policy: own, policies, recording: false };
    world.deploy('f', 'virtio-mem', part);
    finish(world);
    const reply = set(world, { policy });
    t.regex(reply?.kind === 'error' ? reply.failure.message : '', why);
  });
}

test('keep_alive_ms goes before that of the definition', (t) => {
  const world = deployed();
  set(world, { keep_alive_ms: 30_000 });
  world.invoke('f');
  finish(world);
  world.advance(29_000);
  t.is(count(world, 'idle'), 1);
  world.advance(2_000);
  t.is(count(world, 'stopping'), 1);
});

test('baseline_bytes goes before that of the definition', (t) => {
  const world = new World(8 * GIB);
  const policy: Policy = {
    ...DEFAULT_POLICY,
    elastic: true,
    size: ({ instance, spec }) =>
      instance ? null : { target_bytes: spec.memory?.baseline_bytes ?? 0, at_ms: null },
  };
  world.context = { policy, recording: false };
  const memory = { increment_bytes: null, history: false, grow_wait_ms: null, expression: null };
  const sizes = { limit_bytes: 512 * MIB, memory: { ...memory, baseline_bytes: 128 * MIB } };
  world.deploy('f', 'virtio-mem', { ...sizes, keep_alive_ms: 1e6 });
  finish(world);
  set(world, { baseline_bytes: 256 * MIB });
  world.invoke('f');
  finish(world);
  t.is(world.vmsOf('f')[0]?.regions[0]?.plugged_bytes, 256 * MIB);
});

for (const [values, part, why] of [
  [{ instances_min: 5 }, {}, /5, more than the 4/],
  [{ instances_min: 3, instances_max: 2 }, {}, /3, more than the 2/],
  [{ max_bytes: 64 * MIB }, {}, /follows its use alone/],
] as const) {
  test(`refused with its reason: ${JSON.stringify(values)}`, (t) => {
    const reply = set(deployed(part), values);
    t.is(reply?.kind === 'error' ? reply.failure.code : '', 'HP_AGENT_TARGETS');
    t.regex(reply?.kind === 'error' ? reply.failure.message : '', why);
  });
}

test('who goes by an older revision is told the one there is', (t) => {
  const world = deployed();
  set(world, { warm: 1 });
  const reply = set(world, { warm: 2 }, { revision: 0 });
  t.like(reply, { kind: 'error', failure: { code: 'HP_AGENT_TARGETS_CHANGED' } });
  t.like(set(world, { warm: 2 }, { revision: 1 }), { targets: { revision: 2 } });
});

test('what a function is to keep does not give way to others', (t) => {
  const world = deployed({}, 2 * 256 * MIB + 2 * 128 * MIB);
  set(world, { instances_min: 2 });
  world.deploy('g');
  finish(world);
  t.like(world.reply(world.invoke('g')), { outcome: 'refused' });
  set(world, { instances_min: 1, keep_alive_ms: 1e6 });
  const request = world.invoke('g');
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
  t.is(count(world, 'idle'), 1);
});

test('an instance that cannot start is not started again at once', (t) => {
  const world = deployed();
  world.send({
    type: 'set-targets',
    request_id: 'q',
    function: 'f',
    values: { ...NO_VALUES, instances_min: 1 },
    for_ms: null,
    author: '',
    reason: '',
    revision: null,
  });
  world.complete(
    world.pendingTypes().findIndex((one) => one.startsWith('start')),
    'fail',
  );
  finish(world);
  t.is(count(world, 'starting'), 0);
  world.advance(world.state.config.start_again_ms + 500);
  t.is(count(world, 'starting'), 1);
});
