/** The policy that sizes follow use by: what it answers the core, with time and news alone. */
import test from 'ava';
import type { Counts } from '../../../agent/core/policy.ts';
import type { RegionUsage } from '../../../agent/model/events.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { REVIEW_EVERY } from '../../../autoscaler/policy/sizing/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { World } from '../../agent/core/world.ts';

const SIZES = {
  baseline_bytes: null,
  increment_bytes: null,
  history: false,
  grow_wait_ms: null,
  expression: null,
};

function complete(world: World, isDone: () => boolean = () => world.pending.length === 0): void {
  for (let count = 0; !isDone(); count += 1) {
    if (count === 100) throw new Error(`pending: ${world.pendingTypes().join(', ')}`);
    world.complete(0);
  }
}

/** One instance, busy, of a function with these sizes. */
function busy(memory: FunctionSpec['memory'], mechanism: MechanismName = 'hotmem'): World {
  const world = new World(16 * GIB);
  world.context = { policy: HISTORY_POLICY, recording: true };
  world.deploy('f', mechanism, { limit_bytes: 2 * GIB, memory, keep_alive_ms: 1e6 });
  complete(world);
  world.invoke('f');
  complete(world, () => world.pendingTypes().includes('invoke-instance'));
  return world;
}

const vm = (world: World) => world.vmsOf('f')[0];
const region = (world: World) => vm(world)?.regions[0];
const sent = (world: World) =>
  world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order.to_bytes / MIB] : []));
const resized = (world: World) => world.complete(world.pendingTypes().indexOf('resize-region'));

function tell(world: World, news: Partial<RegionUsage>): void {
  const { plugged_bytes = 0, holder } = region(world) ?? {};
  const known = { region_id: 'r0', used_bytes: plugged_bytes, plugged_bytes };
  const regions = [{ ...known, ...(holder ? { instance_id: holder } : {}), ...news }];
  world.send({ type: 'usage', vm_id: vm(world)?.id ?? '', regions });
}

const NEVER = (): Counts => ({ concurrent: 0, ready: 0 });

test('before anything is known an instance starts with 256 MiB and grows by 64', (t) => {
  const world = busy(SIZES);
  t.is(region(world)?.plugged_bytes, 256 * MIB);
  tell(world, { want_bytes: 4096 });
  t.deepEqual(sent(world), [320]);
  t.regex(region(world)?.span?.because ?? '', /256 MiB are in use and 4 KiB more wanted/);
});

test('what a function declares is what it gets', (t) => {
  const world = busy({ ...SIZES, baseline_bytes: 64 * MIB, increment_bytes: 32 * MIB });
  t.is(region(world)?.plugged_bytes, 64 * MIB);
  t.is(region(world)?.span?.because, 'the function declares it');
  tell(world, { want_bytes: 33 * MIB });
  t.deepEqual(sent(world), [128]);
});

test('a function without sizes has all of its region from its start', (t) => {
  t.is(region(busy(null))?.plugged_bytes, 2 * GIB);
});

test('what was free for the hold goes back, without a further word, and not below the baseline', (t) => {
  const world = busy(SIZES);
  tell(world, { want_bytes: 256 * MIB });
  resized(world);
  tell(world, { used_bytes: 64 * MIB, free_tail_bytes: 400 * MIB });
  t.deepEqual(sent(world), [], 'not at once');
  world.advance(5_000);
  t.deepEqual(sent(world), [256]);
  resized(world);
  tell(world, { used_bytes: 64 * MIB, free_tail_bytes: 192 * MIB });
  world.advance(60_000);
  t.deepEqual(sent(world), []);
});

test('what is free before something in use counts as used', (t) => {
  const world = busy(SIZES);
  tell(world, { want_bytes: 256 * MIB });
  resized(world);
  tell(world, { used_bytes: 64 * MIB, free_tail_bytes: 32 * MIB });
  world.advance(60_000);
  t.deepEqual(sent(world), []);
});

test('a size is chosen from history after 1,000 invocations and at no other time', (t) => {
  const world = busy({ ...SIZES, history: true });
  const vm_id = vm(world)?.id ?? '';
  const instance_id = region(world)?.holder ?? '';
  const result = {
    first_byte_at_ms: 0,
    finished_at_ms: 0,
    guest_wall_ms: 1,
    guest_cpu_ms: 1,
    guest_touch_cpu_ms: null,
    minor_faults: 0,
    anonymous_bytes: 0,
    function_error: null,
  };
  const { learn } = HISTORY_POLICY;
  const spec = world.state.functions.get('f')?.spec ?? null;
  let memory: unknown;
  const startBytes = () => {
    const [now_vm, now_region] = [vm(world), region(world)];
    if (!now_vm || !now_region || !spec) throw new Error('there is one');
    const about = { now_ms: 0, spec, vm: now_vm, region: now_region, instance: null };
    return HISTORY_POLICY.size({ ...about, max_bytes: 2 * GIB, memory })?.target_bytes;
  };
  const specOf = (): FunctionSpec | null => spec;
  for (let count = 1; count <= REVIEW_EVERY; count += 1) {
    t.is(startBytes(), 256 * MIB, `before ${count}`);
    const regions = [{ region_id: 'r0', instance_id, used_bytes: 100 * MIB }];
    memory = learn?.(memory, { type: 'usage', vm_id, regions }, count, specOf, NEVER);
    const about = { vm_id, instance_id, request_id: 'q', result };
    memory = learn?.(memory, { type: 'invocation-finished', ...about }, count, specOf, NEVER);
  }
  t.is(startBytes(), 128 * MIB);
});

test('where nobody can wait a region grows ahead of need, and never shrinks', (t) => {
  const world = busy(SIZES, 'virtio-mem');
  tell(world, { used_bytes: 200 * MIB });
  t.deepEqual(sent(world), [512], 'what it used, as much again at that pace, and a step');
  resized(world);
  tell(world, { used_bytes: MIB });
  world.advance(600_000);
  t.deepEqual(sent(world), []);
});

test('a guest that names ten thousand instances makes the policy remember one a region', (t) => {
  const world = busy(SIZES);
  for (let count = 0; count < 10_000; count += 1) tell(world, { instance_id: `x${count}` });
  t.true(JSON.stringify(world.state.policy_state).length < 2_000);
});

test('nothing is remembered of a VM that is gone', (t) => {
  const world = busy(SIZES);
  tell(world, { used_bytes: MIB });
  world.send({ type: 'vm-gone', vm_id: vm(world)?.id ?? '' });
  t.regex(JSON.stringify(world.state.policy_state), /"watched":\{\}/);
});
