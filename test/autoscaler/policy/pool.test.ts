/** What calls want ready, and how long it is kept: by hand, and with the agent's core. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { NO_PACE, withCall, withRun, withStarted } from '../../../agent/model/pace.ts';
import { DEFAULT_POOL } from '../../../agent/model/pool-spec.ts';
import { deviationsAt } from '../../../autoscaler/policy/normal.ts';
import { poolAges, POOL_POLICY } from '../../../autoscaler/policy/pool.ts';
import { wantedAtOnce } from '../../../agent/model/at-once.ts';
import { poolWants } from '../../../autoscaler/policy/pool-want.ts';
import { GIB } from '../../../base/units.ts';
import { finish } from '../../agent/core/actions.ts';
import { World } from '../../agent/core/world.ts';

const MINUTE = 60_000;

test('deviations are those of a normal table', (t) => {
  for (const [percentile, deviations] of [
    [50, 0],
    [75, 0.6745],
    [90, 1.2816],
    [95, 1.6449],
    [99, 2.3263],
    [99.9, 3.0902],
    [10, -1.2816],
  ] as const) {
    t.true(Math.abs(deviationsAt(percentile) - deviations) < 5e-4, `p${percentile}`);
  }
});

for (const [gap_ms, kept_ms, deviations, wanted] of [
  // l T = 4, and two deviations of 2.
  [1_000, 4_000, 2, 8],
  [1_000, 4_000, 0, 4],
  // l T = 0.25: 0.25 + 2 x 0.5.
  [4_000, 1_000, 2, 2],
  // However seldom they come, one.
  [3_600_000, 10, 2.33, 1],
  [100, 10_000, 2.33, 124],
] as const) {
  test(`a call each ${gap_ms} ms that keeps one for ${kept_ms} ms wants ${wanted} at ${deviations}`, (t) => {
    t.is(wantedAtOnce(gap_ms, kept_ms, deviations), wanted);
  });
}

/** Calls of 2 s, one each second, whose instance takes `start_ms`. */
function paceOf(start_ms: number) {
  let pace = withStarted(NO_PACE, start_ms);
  for (let at = 1; at <= 50; at += 1)
    pace = withRun(withCall(pace, at * 1_000, false), 2_000, null);
  return pace;
}
const ROOM = { concurrency: 100, max_vms: 1 };

test('as many idle as calls want at once, less those that run; never more than start meanwhile', (t) => {
  const about = { now_ms: 50_000, percentile: 99, spec: ROOM };
  // 2 + 2.326 x sqrt(2) = 5.29.
  const slow = paceOf(60_000);
  t.like(poolWants(slow, { ...about, busy: 2 }), { instances: 6, warm: 4 });
  t.like(poolWants(slow, { ...about, busy: 6 }), { warm: 0 });
  // Another is ready after 100 ms: 0.1 + 2.326 x sqrt(0.1) = 0.84.
  t.like(poolWants(paceOf(100), { ...about, busy: 2 }), { instances: 6, warm: 1 });
  const few = { ...about, spec: { concurrency: 2, max_vms: 2 }, busy: 0 };
  t.like(poolWants(slow, few), { instances: 4, warm: 4 }, 'no more than it may have');
});

test('without calls nothing is wanted, and what is not called any more is wanted less and less', (t) => {
  const about = { percentile: 99, spec: ROOM, busy: 0 };
  t.is(poolWants(NO_PACE, { ...about, now_ms: 0 }), null, 'nobody knows');
  const pace = paceOf(60_000);
  const at = (now_ms: number) => poolWants(pace, { ...about, now_ms })?.instances;
  t.deepEqual([at(50_000), at(54_000), at(3_600_000)], [6, 3, 1]);
});

test('it is ready for the window, but no longer than calls ever came after each other', (t) => {
  const once = withCall(NO_PACE, 0, true);
  t.deepEqual(poolAges(0, once, DEFAULT_POOL), {
    active_ms: 60 * MINUTE,
    expires_ms: 240 * MINUTE,
  });
  // A gap of 25 minutes is known within 9 %: 25 to 27.3, which ends with the third bucket.
  const again = withCall(once, 25 * MINUTE, true);
  t.deepEqual(poolAges(25 * MINUTE, again, DEFAULT_POOL), {
    active_ms: 60 * MINUTE,
    expires_ms: 60 * MINUTE,
  });
  let often = NO_PACE;
  for (let at = 0; at < 200; at += 1) often = withCall(often, at * 1_000, true);
  often = withCall(often, 200 * MINUTE, true);
  const used_ms = 200 * MINUTE;
  t.is(poolAges(used_ms, often, DEFAULT_POOL).active_ms, 210 * MINUTE, 'of a hundred gaps 99');
  t.is(poolAges(used_ms, often, DEFAULT_POOL).expires_ms, 400 * MINUTE, 'and the longest of all');
  const burst = withCall(withCall(NO_PACE, 0, true), 1, false);
  t.is(poolAges(1, burst, DEFAULT_POOL).active_ms, 60 * MINUTE, 'a burst has no rest within');
});

/** A function whose definition keeps memory ready, beside a policy that would not. */
function worldOf(part: Parameters<World['deploy']>[2] = {}): World {
  const world = new World(8 * GIB);
  world.context = {
    policy: DEFAULT_POLICY,
    policies: new Map([[POOL_POLICY.name, POOL_POLICY]]),
    recording: true,
  };
  world.deploy('f', 'hotmem', { concurrency: 4, keep_alive_ms: 0, pool: DEFAULT_POOL, ...part });
  finish(world);
  return world;
}

const rungs = (world: World): readonly [number, number] => {
  const [vm] = world.vmsOf('f');
  const warm = vm?.instances.filter(({ phase }) => phase === 'idle').length ?? -1;
  return [vm?.regions.filter((one) => one.plugged_bytes > 0).length ?? -1, warm];
};

/** Everything that is due until then has happened. */
function until(world: World, minutes: number): void {
  while (world.now_ms < minutes * MINUTE) {
    const wake_ms = world.wake_ms ?? Infinity;
    world.advance(Math.max(0, Math.min(wake_ms, minutes * MINUTE) - world.now_ms));
    finish(world);
  }
}

function call(world: World): void {
  const id = world.invoke('f');
  finish(world);
  if (world.reply(id)?.kind !== 'invoke') throw new Error('not served');
}

test('a definition that says so is answered for by the pool, whatever policy the agent has', (t) => {
  const world = worldOf();
  call(world);
  until(world, 1);
  t.deepEqual(rungs(world), [1, 1], 'its keep-alive of 0 ends nothing');
  const told = world.decisions.filter(({ policy }) => policy === POOL_POLICY.name);
  const why =
    /^99 of 100 calls want 1 instances, [01] of them idle, and 1 regions; for \d+ ms without a call$/;
  const reasons = told.flatMap(({ question, reason }) => (question === 'scale' ? [reason] : []));
  t.true(reasons.length > 0);
  for (const reason of reasons) t.regex(reason ?? '', why);
  const plain = worldOf({ pool: null });
  call(plain);
  until(plain, 1);
  t.deepEqual(rungs(plain), [0, 0]);
});

test('warm for six buckets, plugged for eighteen more, then nothing is left, and nothing is due', (t) => {
  const world = worldOf();
  call(world);
  until(world, 59.9);
  t.deepEqual(rungs(world), [1, 1]);
  until(world, 60.1);
  t.deepEqual(rungs(world), [1, 0]);
  until(world, 239.9);
  t.deepEqual(rungs(world), [1, 0]);
  until(world, 240.1);
  t.deepEqual(rungs(world), [0, 0]);
  t.is(world.wake_ms, null);
});

test('by a price one that nothing is known of stays until it has cost as much as its plug', (t) => {
  const world = worldOf({ limit_bytes: GIB, pool: { ...DEFAULT_POOL, worth_gib_s: 120 } });
  call(world);
  until(world, 1.9);
  t.deepEqual(rungs(world), [1, 1]);
  until(world, 2.1);
  t.deepEqual(rungs(world), [0, 0], 'nothing stays plugged either');
  t.is(world.wake_ms, null);
});

test('by a price one whose calls come too late is not kept, and one that is small is', (t) => {
  for (const [limit_bytes, kept] of [
    [4 * GIB, [0, 0]],
    [GIB / 4, [1, 1]],
  ] as const) {
    const world = worldOf({ limit_bytes, pool: { ...DEFAULT_POOL, worth_gib_s: 120 } });
    // Each call five minutes after the last: 20 minutes of GiB, or one and a quarter.
    for (let at = 0; at < 20; at += 1) {
      call(world);
      until(world, 5 * (at + 1));
    }
    call(world);
    until(world, 104.9);
    t.deepEqual(rungs(world), kept, `${limit_bytes} bytes`);
  }
});

test('of a burst, what calls do not want goes with the bucket after its own', (t) => {
  const world = worldOf({ pool: { ...DEFAULT_POOL, percentile: 50 } });
  const burst = [1, 2, 3, 4].map(() => world.invoke('f'));
  finish(world);
  for (const id of burst) t.like(world.reply(id), { outcome: 'done' });
  t.deepEqual(rungs(world), [4, 4]);
  until(world, 19.9);
  t.deepEqual(rungs(world), [4, 4]);
  until(world, 20.1);
  t.deepEqual(rungs(world), [1, 1]);
});

test('calls that come often find idle instances that nobody was started for before', (t) => {
  const world = worldOf();
  // Ten calls a second of 300 ms each want three at once, and some more.
  const waiting: string[] = [];
  for (let at = 0; at < 60; at += 1) {
    waiting.push(world.invoke('f'));
    world.now_ms += 97;
    while (world.pendingTypes().some((one) => one !== 'invoke-instance')) {
      const index = world.pendingTypes().findIndex((one) => one !== 'invoke-instance');
      world.complete(index);
    }
    if (world.pending.length > 2) world.complete(0);
  }
  const ahead = world.actions.filter((one) => {
    const vm = one.type === 'start-instance' ? world.state.vms.get(one.vm_id) : undefined;
    return vm?.instances.some(
      ({ id, cause_sequence }) =>
        one.type === 'start-instance' && id === one.instance_id && cause_sequence === null,
    );
  });
  t.true(ahead.length > 0, 'one was started ahead');
  const { warm } = world.state.functions.get('f')?.pool ?? {};
  t.true((warm?.hits ?? 0) > (warm?.asked ?? 0) / 2, `${warm?.hits} of ${warm?.asked}`);
  finish(world);
});
