/** A pool by a price: the fast engine against the agent's own core, and against its rules. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import {
  NO_IDLE_RESTS,
  withIdleEnd,
  withMiss,
  withReuse,
} from '../../../agent/model/idle-rests.ts';
import { DEFAULT_POOL, type PoolSpec } from '../../../agent/model/pool-spec.ts';
import { POOL_POLICY } from '../../../autoscaler/policy/pool.ts';
import { keptForMs } from '../../../autoscaler/policy/pool-price.ts';
import { playFast } from '../../../autoscaler/simulator/fast-engine.ts';
import { type HostModel, WIDE_HOST } from '../../../autoscaler/simulator/host-model.ts';
import type { Played } from '../../../autoscaler/simulator/outcome.ts';
import { pricedTable } from '../../../autoscaler/simulator/priced-rests.ts';
import { playReference } from '../../../autoscaler/simulator/reference-engine.ts';
import type { SimWorkload } from '../../../autoscaler/simulator/workload.ts';
import { holds } from '../../seed.ts';
import { ALONE, BURSTS, COSTS, LONG, REGION, same, TIMERS, workload } from './engine-rig.ts';

/** What stood ready and was looked for, too. */
function sameReady({ ready: fast }: Played, { ready: core }: Played): void {
  assert.ok(fast && core);
  for (const rung of ['plugged', 'warm'] as const) {
    assert.equal(fast[rung].asked, core[rung].asked, rung);
    assert.equal(fast[rung].hits, core[rung].hits, rung);
    const off = Math.abs(fast[rung].byte_ms - core[rung].byte_ms);
    assert.ok(off <= 1e-9 * core[rung].byte_ms, rung);
  }
}

/** Of the fast engine and of the agent's core, by one price. */
function pricedBoth(
  one: SimWorkload,
  pool: PoolSpec,
  host: Pick<HostModel, 'limit_bytes' | 'when_short'>,
): readonly [fast: Played, reference: Played] {
  const fast = playFast(one, COSTS, pricedTable(one, pool), { ...WIDE_HOST, ...host });
  const options = { policy: POOL_POLICY, keep_alive_ms: 1_000, pool, ...host };
  return [fast, playReference(one, COSTS, options)];
}

for (const [title, some, worth] of [
  ['bursts', BURSTS, fc.double({ min: 0.001, max: 1, noNaN: true })],
  ['long runs', LONG, fc.double({ min: 1, max: 300, noNaN: true })],
  ['timers', TIMERS, fc.double({ min: 1, max: 3_000, noNaN: true })],
] as const) {
  test(`a pool by a price, ${title}: the fast engine decides what the agent's core decides`, async (t) => {
    await holds(
      t,
      fc.property(
        some,
        worth,
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(2, 4, 7, Infinity),
        fc.integer({ min: 1, max: 90_000 }),
        (list, worth_gib_s, concurrency, regions, window_ms) => {
          const one = { ...workload(list, concurrency), window_ms };
          const pool = { ...DEFAULT_POOL, worth_gib_s };
          const host = { limit_bytes: regions * REGION, when_short: 'refuse' } as const;
          const [fast, reference] = pricedBoth(one, pool, host);
          same(fast, reference);
          sameReady(fast, reference);
          assert.equal(fast.stops, fast.starts, 'and every instance ends');
        },
      ),
    );
  });
}

test('a pool by a price: who gives way is whom the core has give way, and that is learned', async (t) => {
  let evictions = 0;
  await holds(
    t,
    fc.property(ALONE, fc.constantFrom(3, 4, 5), (list, regions) => {
      const pool = { ...DEFAULT_POOL, worth_gib_s: 20 };
      const host = { limit_bytes: regions * REGION, when_short: 'wait' } as const;
      const [fast, reference] = pricedBoth(workload(list, 4), pool, host);
      evictions += fast.evictions;
      same(fast, reference);
      sameReady(fast, reference);
    }),
  );
  t.true(evictions > 0, 'somebody gave way');
});

test('what a price makes of idle times is what the policy makes of them, however many there were', async (t) => {
  const rest = fc.oneof(
    fc.double({ min: 0, max: 100, noNaN: true }),
    fc.double({ min: 0, max: 1e7, noNaN: true }),
  );
  await holds(
    t,
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('reused', 'missed', 'ended'), rest), { maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      fc.double({ min: 0.01, max: 1e5, noNaN: true }),
      (list, times, worth_gib_s) => {
        const one = workload([], 1, 1);
        const { uses } = pricedTable(one, { ...DEFAULT_POOL, worth_gib_s });
        assert.ok(uses);
        let rests = NO_IDLE_RESTS;
        const price = { bytes: REGION, worth_gib_s };
        for (let at = 0; at < times; at += 1) {
          for (const [what, ms] of list) {
            if (what === 'reused') rests = withReuse(rests, ms);
            else rests = what === 'ended' ? withIdleEnd(rests, ms) : withMiss(rests, ms);
            if (what === 'missed') uses.missed(0, ms);
            else if (what === 'ended') uses.ended(0, ms, ms);
            else uses.reused(0, 0, ms);
          }
          const most_ms = DEFAULT_POOL.bucket_ms * DEFAULT_POOL.active_buckets;
          assert.equal(uses.keptMs(0), keptForMs(rests.tally, price, most_ms));
        }
      },
    ),
  );
});
