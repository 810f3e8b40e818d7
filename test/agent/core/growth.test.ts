/** Memory that follows its use: waits, denials, what a guest may say, and what is metered. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { grantedBytes } from '../../../agent/core/permits.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { RegionUsage } from '../../../agent/model/events.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { World } from './world.ts';

const BOOT = 256 * MIB;
const WAIT_MS = 5_000;
const BASELINE = 128 * MIB;
const MAX = 512 * MIB;

/** Grows by what somebody waits for in steps of 64 MiB; otherwise shrinks to `least_bytes`. */
function policyOf(least: { bytes: number | null }): Policy {
  return {
    ...DEFAULT_POLICY,
    name: 'grower',
    elastic: true,
    size: ({ instance, region }) => {
      if (!instance) return { target_bytes: BASELINE, at_ms: null, because: 'the test says so' };
      const want_bytes = region.span?.want?.bytes ?? 0;
      if (want_bytes > 0) {
        const steps = Math.ceil(want_bytes / (64 * MIB));
        return { target_bytes: region.plugged_bytes + steps * 64 * MIB, at_ms: null };
      }
      return least.bytes === null ? null : { target_bytes: least.bytes, at_ms: null };
    },
  };
}

interface Grown {
  readonly world: World;
  readonly request: string;
  readonly least: { bytes: number | null };
  readonly tell: (news: Partial<RegionUsage>) => void;
}

/** Completes what is pending until it is as wanted; never for ever. */
function complete100(world: World, isDone: () => boolean): void {
  for (let count = 0; !isDone(); count += 1) {
    if (count === 100) throw new Error(`pending: ${world.pendingTypes().join(', ')}`);
    world.complete(0);
  }
}

/** One busy instance of 128 MiB that may grow to 512 MiB, with so much of the host left. */
function busy(free_bytes: number = 4 * GIB): Grown {
  const least = { bytes: null };
  const other_bytes = BOOT + 128 * MIB;
  const world = new World(BOOT + BASELINE + other_bytes + Math.max(free_bytes, MAX));
  world.context = { policy: policyOf(least), recording: true };
  const memory = { baseline_bytes: BASELINE, increment_bytes: null, history: false };
  const sizes = {
    limit_bytes: MAX,
    memory: { ...memory, grow_wait_ms: WAIT_MS, expression: null },
  };
  world.deploy('f', 'hotmem', { ...sizes, keep_alive_ms: 100_000 });
  complete100(world, () => world.pending.length === 0);
  const request = world.invoke('f');
  complete100(world, () => world.pendingTypes().includes('invoke-instance'));
  const limit_bytes = 128 * MIB + Math.max(0, MAX - free_bytes);
  world.deploy('g', 'static', { limit_bytes, concurrency: 1 });
  while (world.pendingTypes().length > 1) world.complete(1);
  world.actions.length = 0;
  const tell = (news: Partial<RegionUsage>): void => {
    const used_bytes = region(world)?.plugged_bytes ?? 0;
    const regions = [{ region_id: 'r0', used_bytes, ...news }];
    world.send({ type: 'usage', vm_id: vm(world)?.id ?? '', regions });
  };
  return { world, request, least, tell };
}

const vm = (world: World) => world.vmsOf('f')[0];
const region = (world: World) => vm(world)?.regions[0];
const tally = (world: World) => world.state.functions.get('f')?.elastic;
const resizes = (world: World) =>
  world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order.to_bytes] : []));
const denials = (world: World) =>
  world.actions.flatMap((one) => (one.type === 'deny-growth' ? [one.failure] : []));
const complete = (world: World, fault?: Parameters<World['complete']>[1]) =>
  world.complete(world.pendingTypes().indexOf('resize-region'), fault);

test('a guest that waits gets its growth, and how long it waited is counted', (t) => {
  const { world, tell } = busy();
  tell({ want_bytes: 4096 });
  t.deepEqual(resizes(world), [192 * MIB]);
  world.advance(30);
  complete(world);
  t.deepEqual(resizes(world), [], 'one want is answered once, before the guest says more');
  tell({ want_bytes: 0 });
  t.is(region(world)?.plugged_bytes, 192 * MIB);
  t.like(tally(world), { growths: 1, waits: 1, denied: 0, waited_ms: 31 });
  t.like(region(world)?.span, {
    baseline_bytes: BASELINE,
    because: 'the test says so',
    want: null,
  });
  t.like(region(world)?.span?.changes.at(-1), {
    cause: 'grow',
    outcome: 'done',
    from_bytes: 128 * MIB,
    to_bytes: 192 * MIB,
  });
});

test('growth without a permit is tried again while the guest waits, then denied with its numbers', (t) => {
  const { world, tell, request } = busy(0);
  tell({ want_bytes: 4096 });
  const refusals = () => world.actions.filter(({ type }) => type === 'record-refusal').length;
  t.is(refusals(), 1);
  world.advance(WAIT_MS - 1);
  t.deepEqual(denials(world), [], 'not before its time');
  t.true(refusals() > 1 && refusals() <= 6, 'tried again, a few times');
  world.advance(1);
  t.like(denials(world), [
    {
      code: 'HP_AGENT_GROWTH_DENIED',
      details: {
        want_bytes: 4096,
        plugged_bytes: BASELINE,
        max_bytes: MAX,
        waited_ms: WAIT_MS,
        cause: 'HP_AGENT_NO_MEMORY',
      },
    },
  ]);
  t.is(tally(world)?.denied, 1);
  t.is(vm(world)?.instances[0]?.phase, 'busy', 'a denial ends nothing by itself');
  const about = { vm_id: vm(world)?.id ?? '', instance_id: region(world)?.holder ?? '' };
  world.send({ type: 'instance-exited', ...about, reason: 'oom', status: null, signal: 9 });
  t.like(world.reply(request), { outcome: 'failed', failure: { code: 'HP_AGENT_GROWTH_DENIED' } });
});

test('a growth that does not fit whole is made in part for somebody who waits', (t) => {
  const { world, tell } = busy(128 * MIB);
  tell({ want_bytes: 200 * MIB });
  t.deepEqual(resizes(world), [BASELINE + 128 * MIB], '256 MiB were wanted');
  complete(world);
  t.is(region(world)?.plugged_bytes, BASELINE + 128 * MIB);
  tell({ want_bytes: 64 * MIB });
  t.deepEqual(resizes(world), [], 'and no more when there is no more');
  t.like(region(world)?.span?.changes.at(-1), { cause: 'grow', outcome: 'refused' });
});

test('memory that comes free while a guest waits is its own in time', (t) => {
  const { world, tell } = busy(BASELINE);
  world.invoke('f');
  complete(world);
  world.complete(world.pendingTypes().indexOf('start-instance'));
  tell({ want_bytes: 64 * MIB });
  t.deepEqual(resizes(world), [], 'there is no room for it');
  world.complete(world.pendingTypes().lastIndexOf('invoke-instance'));
  world.drain('f');
  world.complete(world.pendingTypes().indexOf('stop-instance'));
  complete(world);
  world.advance(WAIT_MS / 2);
  t.deepEqual(resizes(world), [BASELINE + 64 * MIB]);
  t.deepEqual(denials(world), []);
});

test('a VMM that never plugs costs the guest its bound and no more, and the plug ends as it ends', (t) => {
  const { world, tell } = busy();
  tell({ want_bytes: 4096 });
  world.advance(WAIT_MS);
  t.is(denials(world).length, 1);
  t.deepEqual(resizes(world), [192 * MIB], 'still under way');
  complete(world, 'partial');
  t.is(vm(world)?.instances[0]?.phase, 'busy');
  t.is(region(world)?.permit_bytes, 192 * MIB);
});

test('a growth that the VMM refuses is recorded, and named when the guest is denied', (t) => {
  const { world, tell } = busy();
  tell({ want_bytes: 4096 });
  complete(world, 'refuse');
  t.like(region(world)?.span?.changes.at(-1), { cause: 'grow', outcome: 'refused' });
  for (let count = 0; denials(world).length === 0 && count < 20; count += 1) {
    world.advance(WAIT_MS / 5);
    if (resizes(world).length > 0) complete(world, 'refuse');
  }
  t.like(denials(world), [{ details: { cause: 'HP_AGENT_PLUG_FAILED' } }]);
});

test('whoever has all it can be is denied at once, and again only after a bound', (t) => {
  const { world, tell } = busy();
  tell({ want_bytes: 4 * GIB });
  t.deepEqual(resizes(world), [MAX], 'never beyond the limit');
  complete(world);
  tell({ want_bytes: 4 * GIB });
  t.like(denials(world), [{ code: 'HP_AGENT_GROWTH_DENIED', details: { max_bytes: MAX } }]);
  for (let count = 0; count < 100; count += 1) tell({ want_bytes: 4 * GIB });
  t.is(denials(world).length, 1);
  world.advance(WAIT_MS);
  t.is(denials(world).length, 2);
});

test('a want that comes and goes ten thousand times moves nothing but its own counters', (t) => {
  const { world, tell } = busy(0);
  const granted_bytes = grantedBytes(world.state);
  for (let count = 0; count < 10_000; count += 1) tell({ want_bytes: (count % 2) * 4096 });
  t.is(grantedBytes(world.state), granted_bytes);
  t.is(vm(world)?.instances.length, 1);
  t.true(world.actions.filter(({ type }) => type === 'record-refusal').length < 10);
  t.true((region(world)?.span?.changes.length ?? 0) <= 32);
});

for (const [lie, free_tail_bytes, used_bytes] of [
  ['more than is plugged', 64 * GIB, 192 * MIB],
  ['all of what it uses', 256 * MIB, 256 * MIB],
] as const) {
  test(`a guest that calls ${lie} free loses nothing that it uses`, (t) => {
    const { world, tell, least } = busy();
    tell({ want_bytes: 128 * MIB });
    complete(world);
    least.bytes = MIB;
    tell({ free_tail_bytes, used_bytes });
    t.deepEqual(resizes(world), used_bytes === 256 * MIB ? [] : [used_bytes]);
  });
}

test('a shrink asks for the free end alone, not for what is free before it', (t) => {
  const { world, tell, least } = busy();
  tell({ want_bytes: 128 * MIB });
  complete(world);
  least.bytes = MIB;
  tell({ free_tail_bytes: 66 * MIB, used_bytes: 32 * MIB });
  t.deepEqual(resizes(world), [190 * MIB]);
  complete(world);
  t.is(region(world)?.permit_bytes, 190 * MIB);
  t.is(tally(world)?.shrinks, 1);
});

test('who waits after a shrink that came to little grows at once, and the next shrink rests', (t) => {
  const { world, tell, least } = busy();
  tell({ want_bytes: 128 * MIB });
  complete(world);
  least.bytes = BASELINE;
  tell({ free_tail_bytes: 128 * MIB, used_bytes: MIB });
  complete(world, 'stall');
  tell({ free_tail_bytes: 128 * MIB, used_bytes: MIB });
  t.deepEqual(resizes(world), [], 'not again at once');
  tell({ want_bytes: 4096 });
  t.deepEqual(resizes(world).length, 1);
  t.like(world.pending.at(-1), { order: { cause: 'grow' } });
});

test('who begins to wait while his region shrinks ends that shrink, and no other operation', (t) => {
  const { world, tell, least } = busy();
  const cuts = () => world.actions.filter(({ type }) => type === 'cut-shrink');
  tell({ want_bytes: 128 * MIB });
  tell({ want_bytes: 192 * MIB });
  t.deepEqual(cuts(), [], 'a growth goes on');
  complete(world);
  least.bytes = BASELINE;
  tell({ free_tail_bytes: 128 * MIB, used_bytes: MIB });
  t.like(world.pending.at(-1), { order: { cause: 'shrink' } });
  t.deepEqual(cuts(), []);
  const operation_id = region(world)?.operation_id;
  tell({ want_bytes: 4096 });
  tell({ want_bytes: 8192 });
  t.deepEqual(cuts(), [{ type: 'cut-shrink', vm_id: vm(world)?.id, operation_id }], 'once');
  complete(world, 'stall');
  t.like(world.pending.at(-1), { order: { cause: 'grow' } });
});

test('nothing shrinks under somebody who waits: where he has all there can be, he is told so', (t) => {
  const { world, tell } = busy();
  tell({ want_bytes: 128 * MIB });
  complete(world);
  world.setTargets('f', { max_bytes: BASELINE });
  tell({ want_bytes: 4096, used_bytes: MIB, free_tail_bytes: 128 * MIB });
  t.deepEqual(resizes(world), []);
  t.is(denials(world).length, 1);
});

test('a shrink under somebody who waits is not gone on with by the next agent: he grows at once', (t) => {
  const { world, tell, least } = busy();
  tell({ want_bytes: 128 * MIB });
  complete(world);
  least.bytes = BASELINE;
  tell({ free_tail_bytes: 128 * MIB, used_bytes: MIB });
  tell({ used_bytes: MIB, want_bytes: 4096 });
  world.restart();
  world.complete(world.pendingTypes().indexOf('adopt-vm'));
  const asked = world.pending.flatMap((one) => (one.type === 'resize-region' ? [one.order] : []));
  t.deepEqual(
    asked.map(({ cause }) => cause),
    ['grow'],
  );
  t.like(region(world)?.span?.changes.at(-1), { cause: 'shrink', to_bytes: BASELINE });
});

test('who begins to wait after a shrink that a restart ended grows at once', (t) => {
  const { world, tell, least } = busy();
  tell({ want_bytes: 128 * MIB });
  complete(world);
  least.bytes = BASELINE;
  tell({ free_tail_bytes: 128 * MIB, used_bytes: MIB });
  tell({ used_bytes: 200 * MIB });
  world.restart();
  world.complete(world.pendingTypes().indexOf('adopt-vm'));
  t.deepEqual(resizes(world), [], 'what is in use by now is not asked for');
  tell({ used_bytes: 200 * MIB, want_bytes: 4096 });
  t.like(world.pending.at(-1), { order: { cause: 'grow' } });
});

test('what is plugged above the baseline is metered, from its plug to its unplug', (t) => {
  const { world, tell, least } = busy();
  tell({ want_bytes: 128 * MIB });
  complete(world);
  world.advance(10_000);
  least.bytes = BASELINE;
  tell({ free_tail_bytes: 128 * MIB, used_bytes: MIB });
  complete(world);
  world.advance(10_000);
  const above_ms = (tally(world)?.above_byte_ms ?? 0) / (128 * MIB);
  t.true(above_ms >= 10_000 && above_ms < 10_010, `${above_ms} ms`);
});

test('what is said of an earlier holder is of nobody', (t) => {
  const { world, tell } = busy();
  tell({ want_bytes: 4096, instance_id: 'i999' });
  t.deepEqual(resizes(world), []);
  t.is(region(world)?.used_bytes, null);
});

test('an instance that ends while it waits leaves no wait behind', (t) => {
  const { world, tell } = busy(0);
  tell({ want_bytes: 4096 });
  const about = { vm_id: vm(world)?.id ?? '', instance_id: region(world)?.holder ?? '' };
  world.send({ type: 'instance-exited', ...about, reason: 'oom', status: null, signal: 9 });
  complete100(world, () => world.pending.length === 0);
  world.advance(10 * WAIT_MS);
  t.is(region(world)?.span, null);
  t.deepEqual(denials(world), []);
  t.is(region(world)?.permit_bytes, 0);
});

for (const [why, part, policy] of [
  ['a mechanism that plugs once', { mechanism: 'static' }, 'grower'],
  ['a baseline above the limit', { limit_bytes: 64 * MIB }, 'grower'],
  ['a policy that gives one size', {}, 'default'],
] as const) {
  test(`${why} refuses sizes at deploy`, (t) => {
    const world = new World(4 * GIB);
    if (policy === 'grower')
      world.context = { policy: policyOf({ bytes: null }), recording: false };
    const sizes = { baseline_bytes: 256 * MIB, increment_bytes: null, grow_wait_ms: null };
    const memory = { ...sizes, history: false, expression: null };
    const request = world.deploy('f', 'hotmem', { limit_bytes: MAX, memory, ...part });
    t.like(world.replies.get(request)?.[0], { failure: { code: 'HP_AGENT_NOT_ELASTIC' } });
    t.is(world.state.functions.size, 0);
  });
}
