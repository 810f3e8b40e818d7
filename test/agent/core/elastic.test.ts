/** Sizes between nothing and all, pools, and policies: each test is a sentence of the design. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { grantedBytes } from '../../../agent/core/permits.ts';
import { POLICIES } from '../../../agent/core/policies.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { NO_QUEUE } from '../../../agent/model/operation-queue.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

const BOOT = 256 * MIB;
const HOLD_MS = 2_000;

/** A policy whose sizes are set by the test, for a start and for what is in use. */
class Dial {
  start_bytes = 128 * MIB;
  in_use_bytes: number | null = null;
  at_ms: number | null = null;
  plugged = 0;
  readonly policy: Policy = {
    ...DEFAULT_POLICY,
    name: 'dial',
    elastic: true,
    scale: (view) => ({ ...DEFAULT_POLICY.scale(view), plugged: this.plugged }),
    size: ({ instance }) => {
      const target_bytes = instance ? this.in_use_bytes : this.start_bytes;
      return target_bytes === null ? null : { target_bytes, at_ms: this.at_ms };
    },
  };
}

/** One function with regions of 512 MiB, one idle instance in a region of 128 MiB. */
function elastic(limit_bytes: number = 4 * GIB, sharing = 1): { world: World; dial: Dial } {
  const dial = new Dial();
  const world = new World(limit_bytes, { queue: NO_QUEUE });
  world.regions_per_device = sharing;
  world.context = { policy: dial.policy, recording: true };
  const part = { limit_bytes: 512 * MIB, keep_alive_ms: 100_000 };
  world.deploy('f', 'hotmem', part);
  finish(world);
  world.invoke('f');
  finish(world);
  world.actions.length = 0;
  world.decisions.length = 0;
  return { world, dial };
}

const vm = (world: World) => world.vmsOf('f')[0];
const region = (world: World) => vm(world)?.regions[0];
const causes = (world: World) =>
  world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order.cause] : []));

/** An event that says nothing new: the policy is asked again. */
function use(world: World, share: number): void {
  world.use(0, share);
}

test('a start gets the size the policy wants, and only that is granted', (t) => {
  const { world } = elastic();
  t.is(region(world)?.plugged_bytes, 128 * MIB);
  t.is(grantedBytes(world.state), BOOT + 128 * MIB);
});

test('a region grows under its holder; the permit is taken before', (t) => {
  const { world, dial } = elastic();
  dial.in_use_bytes = 300 * MIB;
  use(world, 1);
  t.deepEqual(causes(world), ['grow']);
  t.is(grantedBytes(world.state), BOOT + 300 * MIB);
  t.is(world.state.operations.size, 1);
  finish(world);
  t.is(region(world)?.plugged_bytes, 300 * MIB);
  t.is(vm(world)?.instances[0]?.phase, 'idle');
  t.is(world.state.operations.size, 0);
});

for (const [fault, kept_mib] of [
  ['refuse', 128],
  ['stall', 384],
  ['partial', 384],
  ['fail', 384],
] as const) {
  test(`a growth that ends '${fault}' leaves the instance as it is, and is asked for after a pause`, (t) => {
    const { world, dial } = elastic();
    dial.in_use_bytes = 384 * MIB;
    use(world, 1);
    finish(world, fault);
    t.like(vm(world)?.instances, [{ phase: 'idle', invocations: 1 }]);
    t.is(grantedBytes(world.state), BOOT + kept_mib * MIB);
    use(world, 1);
    t.deepEqual(causes(world), [], 'not at once');
    world.advance(HOLD_MS);
    const again = fault === 'refuse' || (region(world)?.plugged_bytes ?? 0) < 384 * MIB;
    t.deepEqual(causes(world), again ? ['grow'] : []);
  });
}

test('a growth without memory is refused with a record, and the instance goes on', (t) => {
  const { world, dial } = elastic(BOOT + 512 * MIB);
  world.invoke('f');
  const request = world.invoke('f');
  dial.in_use_bytes = 512 * MIB;
  use(world, 1);
  const refusals = world.actions.filter(({ type }) => type === 'record-refusal');
  t.like(refusals, [{ order: { cause: 'grow' }, failure: { code: 'HP_AGENT_NO_MEMORY' } }]);
  t.like(world.decisions.at(-1), {
    question: 'size',
    policy: 'dial',
    reason: 'ignored: HP_AGENT_NO_MEMORY',
  });
  finish(world);
  t.like(world.reply(request), { outcome: 'done' });
});

test('a shrink in use asks for no more than the guest says is free', (t) => {
  const { world, dial } = elastic();
  dial.in_use_bytes = 512 * MIB;
  use(world, 0.5);
  finish(world);
  dial.in_use_bytes = 128 * MIB;
  use(world, 0.5);
  t.like(world.pending, [{ order: { cause: 'shrink', to_bytes: 256 * MIB, kind: 'unplug' } }]);
  t.is(world.decisions.at(-1)?.reason, 'ignored: a part of it is in use');
  finish(world);
  t.is(grantedBytes(world.state), BOOT + 256 * MIB);
});

test('a partial shrink keeps the permit for what is still plugged', (t) => {
  const { world, dial } = elastic();
  dial.in_use_bytes = 512 * MIB;
  use(world, 0);
  finish(world);
  dial.in_use_bytes = 128 * MIB;
  use(world, 0);
  finish(world, 'partial');
  t.is(region(world)?.plugged_bytes, 320 * MIB);
  t.is(grantedBytes(world.state), BOOT + 320 * MIB);
  t.is(vm(world)?.instances.length, 1);
});

test('a size that is wanted later is asked for then, without any other event', (t) => {
  const { world, dial } = elastic();
  dial.in_use_bytes = 512 * MIB;
  dial.at_ms = world.now_ms + 500;
  use(world, 1);
  t.deepEqual(causes(world), []);
  world.advance(500);
  t.deepEqual(causes(world), ['grow']);
});

test('what is not known to be free is not asked for', (t) => {
  const { world, dial } = elastic();
  dial.in_use_bytes = 512 * MIB;
  use(world, 1);
  finish(world);
  world.send({ type: 'usage', vm_id: vm(world)?.id ?? '', regions: [] });
  dial.in_use_bytes = 128 * MIB;
  dial.start_bytes = 512 * MIB;
  world.invoke('f');
  world.invoke('f');
  finish(world);
  t.is(vm(world)?.regions[1]?.used_bytes, null);
  t.is(vm(world)?.regions[1]?.plugged_bytes, 512 * MIB);
  t.true(world.decisions.some(({ reason }) => reason === 'ignored: its use is not known'));
});

test('an instance that ends while its region grows is let go only after that', (t) => {
  const { world, dial } = elastic();
  dial.in_use_bytes = 512 * MIB;
  use(world, 1);
  world.drain('f');
  world.complete(world.pendingTypes().indexOf('stop-instance'));
  t.is(vm(world)?.instances.length, 1);
  t.deepEqual(causes(world), ['grow']);
  world.complete(0);
  t.deepEqual(causes(world), ['stop']);
  finish(world);
  t.is(grantedBytes(world.state), BOOT);
});

test('a region is plugged ahead of a start, and taken back when that is no longer wanted', (t) => {
  const { world, dial } = elastic();
  dial.plugged = 1;
  use(world, 1);
  t.deepEqual(causes(world), ['pool']);
  t.like(world.decisions.at(-1), { question: 'size', region_id: 'r1', reason: null });
  finish(world);
  t.like(vm(world)?.regions[1], { ready: true, holder: null, plugged_bytes: 128 * MIB });
  dial.plugged = 0;
  use(world, 1);
  t.like(world.pending, [{ order: { cause: 'pool', to_bytes: 0 } }]);
  finish(world);
  t.is(grantedBytes(world.state), BOOT + 128 * MIB);
});

test('a region that could not be plugged ahead of a start is not asked for again at once', (t) => {
  const { world, dial } = elastic();
  dial.plugged = 1;
  use(world, 1);
  finish(world, 'refuse');
  use(world, 1);
  t.deepEqual(causes(world), []);
  world.advance(HOLD_MS);
  t.not(causes(world).length, 0);
});

test('a region that shares its device is plugged whole or not at all, and the record says why', (t) => {
  const { world, dial } = elastic(4 * GIB, 2);
  t.is(region(world)?.plugged_bytes, 512 * MIB);
  dial.in_use_bytes = 128 * MIB;
  dial.plugged = 1;
  use(world, 0);
  t.deepEqual(causes(world), [], 'neither made smaller in use nor plugged ahead');
  world.invoke('f');
  world.invoke('f');
  t.like(world.decisions.at(-1), {
    question: 'size',
    answer: String(128 * MIB),
    reason: 'ignored: its device has other regions',
  });
});

test('a policy is one file and one line of registration', (t) => {
  const mine: Policy = { ...DEFAULT_POLICY, name: 'mine' };
  const undo = POLICIES.add(mine);
  t.is(POLICIES.get('mine'), mine);
  t.throws(() => POLICIES.add(mine), { message: /mine/ });
  undo();
  t.deepEqual(POLICIES.names, ['default']);
});

test('decisions are recorded only while somebody wants them, and at most so many a step', (t) => {
  const world = new World(8 * GIB, { decisions_max: 2 });
  world.deploy('f', 'hotmem', { concurrency: 4 });
  finish(world);
  for (let count = 0; count < 4; count += 1) world.invoke('f');
  t.deepEqual(world.decisions, [], 'nobody listens');
  finish(world);
  world.context = { ...world.context, recording: true };
  const before = world.decisions.length;
  world.invoke('f');
  t.is(world.decisions.length, before + 2);
  t.like(world.decisions, [
    { question: 'admit', policy: 'default', function: 'f', answer: 'admit', invocation_id: 'x' },
    { question: 'place', vm_id: vm(world)?.id, inputs: { queued: 1, candidates: 4 } },
  ]);
});

test('what a policy says of numbers is recorded when it asks for something, and sizes of starts', (t) => {
  const { world, dial } = elastic();
  use(world, 1);
  t.deepEqual(world.decisions, []);
  world.invoke('f');
  world.invoke('f');
  t.like(world.decisions.slice(-3), [
    {
      question: 'scale',
      inputs: { queued: 1, vms: 1, instances: 1, free_bytes: 4 * GIB - BOOT - dial.start_bytes },
      answer: 'start 1, stop 0, launch 0, end 0, plugged 0',
    },
    { question: 'place', answer: 'start' },
    { question: 'size', answer: String(dial.start_bytes), reason: null },
  ]);
});

const refuse = () => ({ admit: false, reason: 'too dear' }) as const;

test('an invocation the policy does not admit is refused with its reason', (t) => {
  const world = new World(4 * GIB);
  world.deploy('f');
  finish(world);
  const policy = { ...DEFAULT_POLICY, name: 'strict', admit: refuse };
  world.context = { policy, recording: false };
  const reply = world.reply(world.invoke('f'));
  t.like(reply, { outcome: 'refused', failure: { code: 'HP_AGENT_NOT_ADMITTED' } });
});

test('what a policy learned comes back to it, under its own name', (t) => {
  const seen: unknown[] = [];
  const policy: Policy = {
    ...DEFAULT_POLICY,
    name: 'learner',
    learn: (memory, event) => ({ events: [...seenBefore(memory), event.type] }),
    scale: (view) => {
      seen.push(view.memory);
      return DEFAULT_POLICY.scale(view);
    },
  };
  const world = new World(4 * GIB);
  world.context = { policy, recording: false };
  world.deploy('f');
  finish(world);
  t.deepEqual(seen.at(-1), { events: ['deploy', 'vm-ready'] });
  t.deepEqual(Object.keys(world.state.policy_state), ['learner']);
});

function seenBefore(memory: unknown): unknown[] {
  const known = typeof memory === 'object' && memory !== null && 'events' in memory;
  return known && Array.isArray(memory.events) ? memory.events : [];
}
