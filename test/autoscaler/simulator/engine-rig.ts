/** What both engines of the simulator are given to play, and what they have to agree in. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Played } from '../../../autoscaler/simulator/outcome.ts';
import type { SimCosts, SimWorkload } from '../../../autoscaler/simulator/workload.ts';
import { InvocationColumns } from '../../../autoscaler/trace/columns.ts';
import { MIB } from '../../../base/units.ts';

export const REGION = 128 * MIB;

export interface Call {
  readonly function_index: number;
  readonly arrival_ms: number;
  readonly duration_ms: number;
}

export function workload(calls: readonly Call[], concurrency: number, functions = 3): SimWorkload {
  return {
    functions: Array.from({ length: functions }, (_, index) => ({
      name: `f${index}`,
      app: 'a',
      func: `f${index}`,
      limit_bytes: REGION * (index + 1),
      region_bytes: REGION * (index + 1),
      concurrency,
    })),
    invocations: InvocationColumns.from(calls),
    window_ms: 1e8,
  };
}

/** Times with enough digits that no two events are at one moment. */
export const calls = (
  least_gap_ms: number,
  most_gap_ms: number,
  most_ms: number,
): fc.Arbitrary<Call[]> =>
  fc
    .array(
      fc.record({
        function_index: fc.integer({ min: 0, max: 2 }),
        gap: fc.double({ min: least_gap_ms, max: most_gap_ms, noNaN: true }),
        duration_ms: fc.double({ min: 0.01, max: most_ms, noNaN: true }),
      }),
      { minLength: 1, maxLength: 90, size: 'max' },
    )
    .map((list) => {
      let arrival_ms = 0;
      return list.map(({ function_index, gap, duration_ms }) => {
        arrival_ms += gap;
        return { function_index, arrival_ms, duration_ms };
      });
    });

export const COSTS: SimCosts = {
  mechanism: {
    name: 'test',
    source: 'test',
    plug: { base_ms: 40.1, ms_per_mib: 0 },
    unplug: { base_ms: 3.3, ms_per_mib: 1.17 },
    gives_back: true,
  },
  start_ms: 61.7,
  stop_ms: 5.9,
};

export function same(fast: Played, reference: Played): void {
  assert.deepEqual([...fast.outcomes], [...reference.outcomes]);
  assert.deepEqual([...fast.waits_ms], [...reference.waits_ms]);
  assert.equal(fast.starts, reference.starts);
  assert.equal(fast.stops, reference.stops);
  assert.equal(fast.committed.peak_bytes, reference.committed.peak_bytes);
  assert.deepEqual([...fast.committed.finish()], [...reference.committed.finish()]);
  assert.ok(Math.abs(fast.busy_byte_ms - reference.busy_byte_ms) <= 1e-6 * fast.busy_byte_ms);
}

export const BURSTS = calls(0.001, 400, 400);
export const LONG = calls(0.001, 400_000, 400_000);
/** With minutes between them, so that a histogram of them unloads and loads ahead. */
export const TIMERS = calls(200_000, 900_000, 1_000);

/** One after another, so that nobody waits for memory beside another. */
export const ALONE = calls(700, 5_000, 90);
