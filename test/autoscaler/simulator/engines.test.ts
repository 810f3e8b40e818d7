/** Both engines of the simulator: against each other, and against a model that is plainly right. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import type { Policy } from '../../../agent/core/policy.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../../../autoscaler/policy/fixed-keep-alive.ts';
import { BATCHED_POLICY } from '../../../autoscaler/policy/batched.ts';
import {
  GREEDY_DUAL_POLICY,
  LEAST_RECENTLY_USED_POLICY,
} from '../../../autoscaler/policy/greedy-dual.ts';
import { HYBRID_HISTOGRAM_POLICY } from '../../../autoscaler/policy/hybrid-histogram-policy.ts';
import { KNATIVE_POLICY } from '../../../autoscaler/policy/knative.ts';
import { PLUGGED_RESERVE_POLICY } from '../../../autoscaler/policy/plugged-reserve.ts';
import { OLDEST_FIRST_POLICY } from '../../../autoscaler/policy/oldest-first.ts';
import { activeUntilMs, SLIDING_WINDOW_POLICY } from '../../../autoscaler/policy/sliding-window.ts';
import { SlowReclaim } from '../../../autoscaler/simulator/slow-reclaim.ts';
import { playFast } from '../../../autoscaler/simulator/fast-engine.ts';
import { WIDE_HOST } from '../../../autoscaler/simulator/host-model.ts';
import { MECHANISM_MODELS } from '../../../autoscaler/simulator/mechanism-models.ts';
import { OUTCOME, type Played } from '../../../autoscaler/simulator/outcome.ts';
import { playReference } from '../../../autoscaler/simulator/reference-engine.ts';
import {
  batchedTable,
  constantTable,
  hybridTable,
  knativeTable,
  oldestFirstTable,
  slidingTable,
} from '../../../autoscaler/simulator/table-policies.ts';
import type { TablePolicy } from '../../../autoscaler/simulator/table-policies.ts';
import type { SimCosts } from '../../../autoscaler/simulator/workload.ts';
import { holds } from '../../seed.ts';
import {
  ALONE,
  BURSTS,
  type Call,
  calls,
  COSTS,
  LONG,
  REGION,
  same,
  TIMERS,
  workload,
} from './engine-rig.ts';

for (const [title, some, policy, tableOf] of [
  ['fixed-keep-alive', BURSTS, FIXED_KEEP_ALIVE_POLICY, () => constantTable('f', 3, 1_000)],
  ['hybrid-histogram', LONG, HYBRID_HISTOGRAM_POLICY, () => hybridTable(3)],
  ['hybrid-histogram of timers', TIMERS, HYBRID_HISTOGRAM_POLICY, () => hybridTable(3)],
  ['sliding-window', LONG, SLIDING_WINDOW_POLICY, () => slidingTable(3)],
  ['oldest-first', BURSTS, OLDEST_FIRST_POLICY, () => oldestFirstTable(3, 1_000)],
  ['batched', BURSTS, BATCHED_POLICY, () => batchedTable(3, 1_000)],
] as const satisfies readonly (readonly [string, fc.Arbitrary<Call[]>, Policy, unknown])[]) {
  test(`${title}: the fast engine decides what the agent's core decides`, async (t) => {
    await holds(
      t,
      fc.property(
        some,
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(2, 4, 7, Infinity),
        (list, concurrency, regions) => {
          const one = workload(list, concurrency);
          const limit_bytes = regions * REGION;
          const fast = playFast(one, COSTS, tableOf(), { ...WIDE_HOST, limit_bytes });
          const options = { policy, keep_alive_ms: 1_000, limit_bytes };
          same(fast, playReference(one, COSTS, options));
        },
      ),
    );
  });
}

/** Bursts of many at a time, and minutes between them. */
const WAVES = calls(0.001, 3_000, 9_000).map((list) =>
  list.map((one, at) => ({ ...one, arrival_ms: one.arrival_ms + Math.floor(at / 30) * 100_000 })),
);

for (const [title, some] of [
  ['bursts', BURSTS],
  ['long runs', LONG],
  ['waves', WAVES],
] as const) {
  test(`knative, ${title}: the fast engine decides what the agent's core decides`, async (t) => {
    await holds(
      t,
      fc.property(some, fc.integer({ min: 1, max: 40 }), (list, concurrency) => {
        const one = workload(list, concurrency);
        const limit_bytes = Infinity;
        const fast = playFast(one, COSTS, knativeTable(3), WIDE_HOST);
        same(
          fast,
          playReference(one, COSTS, { policy: KNATIVE_POLICY, keep_alive_ms: 1, limit_bytes }),
        );
        assert.equal(fast.stops, fast.starts, 'and every instance ends');
      }),
    );
  });
}

for (const [title, policy, eviction] of [
  ['greedy-dual', GREEDY_DUAL_POLICY, 'greedy-dual'],
  ['least-recently-used', LEAST_RECENTLY_USED_POLICY, 'oldest'],
] as const) {
  test(`${title}: who gives way is whom the agent's core has give way`, async (t) => {
    let evictions = 0;
    await holds(
      t,
      fc.property(ALONE, fc.constantFrom(3, 4, 5), (list, regions) => {
        const one = workload(list, 4);
        const host = {
          limit_bytes: regions * REGION,
          when_short: 'wait',
          reserve_bytes: 0,
        } as const;
        const fast = playFast(one, COSTS, constantTable('e', 3, Infinity, eviction), host);
        evictions += fast.evictions;
        same(fast, playReference(one, COSTS, { policy, keep_alive_ms: 1, ...host }));
      }),
    );
    t.true(evictions > 0, 'somebody gave way');
  });
}

test('with a plugged reserve the second start waits for its sandbox alone', (t) => {
  const list = [0, 300, 320].map((arrival_ms) => ({
    function_index: 2,
    arrival_ms,
    duration_ms: 400,
  }));
  const slow = {
    ...COSTS,
    mechanism: { ...COSTS.mechanism, plug: { base_ms: 150.3, ms_per_mib: 0 } },
  };
  const played = (policy: Policy): Played =>
    playReference(workload(list, 4), slow, { policy, keep_alive_ms: 1_000, limit_bytes: Infinity });
  const waits = (policy: Policy): number[] =>
    [...played(policy).waits_ms].map((wait_ms) => Math.round(10 * wait_ms) / 10);
  t.deepEqual(waits(PLUGGED_RESERVE_POLICY), [150.3, 61.7, 150.3]);
  t.deepEqual(waits(FIXED_KEEP_ALIVE_POLICY), [150.3, 150.3, 150.3]);
  const memory = (policy: Policy): number =>
    played(policy)
      .committed.finish()
      .reduce((sum, part) => sum + part, 0);
  t.true(memory(PLUGGED_RESERVE_POLICY) > memory(FIXED_KEEP_ALIVE_POLICY), 'and that costs');
});

/** Instances one by one, in whatever order they were made: nothing is clever here. */
function coldStarts(list: readonly Call[], keep_alive_ms: number): number {
  const busy_until: { function_index: number; free_ms: number }[] = [];
  let cold = 0;
  for (const { function_index, arrival_ms, duration_ms } of list) {
    const warm = busy_until
      .filter((one) => one.function_index === function_index)
      .filter(({ free_ms }) => free_ms <= arrival_ms && arrival_ms <= free_ms + keep_alive_ms)
      .toSorted((a, b) => b.free_ms - a.free_ms)[0];
    if (warm) warm.free_ms = arrival_ms + duration_ms;
    else {
      cold += 1;
      busy_until.push({ function_index, free_ms: arrival_ms + duration_ms });
    }
  }
  return cold;
}

const AT_ONCE: SimCosts = {
  mechanism: MECHANISM_MODELS.get('ideal') ?? COSTS.mechanism,
  start_ms: 0,
  stop_ms: 0,
};

test('starts under a fixed keep-alive are those of a model that counts instances', async (t) => {
  const whole = fc.array(
    fc.record({
      function_index: fc.integer({ min: 0, max: 2 }),
      arrival_ms: fc.integer({ min: 0, max: 300 }),
      duration_ms: fc.integer({ min: 0, max: 60 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  await holds(
    t,
    // At the very moment at which it is over, whoever is first decides: none ends at one.
    fc.property(whole, fc.integer({ min: 0, max: 80 }), (list, kept) => {
      const keep_alive_ms = kept + 0.5;
      const sorted = list.toSorted((a, b) => a.arrival_ms - b.arrival_ms);
      const one = workload(sorted, 1_000);
      const played = playFast(one, AT_ONCE, constantTable('f', 3, keep_alive_ms));
      assert.equal(played.starts, coldStarts(sorted, keep_alive_ms));
      assert.equal(played.stops, played.starts, 'and every instance ends');
    }),
    { runs: 3_000 },
  );
});

test('memory is integrated exactly, from the decision to the end of the unplug', (t) => {
  const list = [{ function_index: 1, arrival_ms: 0, duration_ms: 100 }];
  const played = playFast(workload(list, 1), COSTS, constantTable('f', 3, 1_000));
  const held_ms = 61.7 + 100 + 1_000 + 5.9 + 3.3 + 1.17 * 256;
  const gib_s = played.committed.finish().reduce((sum, one) => sum + one, 0);
  t.true(Math.abs(gib_s - (0.25 * held_ms) / 1000) < 1e-12);
  t.is(played.waits_ms[0], 61.7);
  t.is(played.outcomes[0], OUTCOME.cold);
});

test('of ten minutes all are active for the same hour, less what has passed of them', (t) => {
  const minute = 60_000;
  for (const [used, until] of [
    [0, 60],
    [9.999, 60],
    [10, 70],
    [65, 120],
  ] as const) {
    t.is(activeUntilMs(used * minute), until * minute, `used in minute ${used}`);
  }
});

test('an instance that is used on is of the newest bucket: it stays', (t) => {
  const list = [0, 50, 100, 150].map((minute) => ({
    function_index: 0,
    arrival_ms: minute * 60_000,
    duration_ms: 1,
  }));
  const played = playFast(workload(list, 4), COSTS, slidingTable(3));
  t.deepEqual([...played.outcomes], [OUTCOME.cold, ...[1, 2, 3].map(() => OUTCOME.warm)]);
  t.is(played.stops, 1);
});

test('oldest-first keeps what a burst started, newest-first lets it go', (t) => {
  const burst = [0, 1, 2, 3].map((at) => ({
    function_index: 0,
    arrival_ms: at,
    duration_ms: 100,
  }));
  const later = Array.from({ length: 40 }, (_, at) => ({
    function_index: 0,
    arrival_ms: 500 + 100 * at,
    duration_ms: 10,
  }));
  const one = workload([...burst, ...later], 4);
  const memory = (table: TablePolicy): number =>
    playFast(one, COSTS, table)
      .committed.finish()
      .reduce((sum, part) => sum + part, 0);
  const [oldest, newest] = [
    memory(oldestFirstTable(3, 1_000)),
    memory(constantTable('n', 3, 1_000)),
  ];
  t.true(oldest > 2 * newest, `${oldest} against ${newest}`);
});

test('regions of one VM go one after the other, and hold up what runs beside them', (t) => {
  const slow = new SlowReclaim(2, 2);
  slow.begin(0, 7, 0);
  t.is(slow.queue(0, 100, 50), 150);
  t.is(slow.queue(0, 110, 50), 200, 'behind the other');
  t.is(slow.queue(1, 110, 50), 160, 'another VM has its own');
  t.is(slow.more(0, 7, 150), 25, 'half of the progress of 50 ms is lost');
  t.is(slow.more(0, 7, 400), 25, 'and of the 50 ms after that');
  t.is(slow.more(0, 7, 500), 0);
});
