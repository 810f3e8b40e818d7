import test from 'ava';
import fc from 'fast-check';
import { forEachTotal, integrate, longestGap } from '../../autoscaler/report/integral.ts';
import type { TotalPoint } from '../../autoscaler/report/integral.ts';
import { MemorySteps } from '../../autoscaler/report/memory-steps.ts';
import type { MemoryStepLine } from '../../autoscaler/results/schema.ts';
import { boundsOf, NumberList, orderOf } from '../../base/number-list.ts';
import { describe, geometricMean, hasPercentile, percentile } from '../../base/statistics.ts';
import { Sample } from '../../base/statistics.ts';
import { GIB } from '../../base/units.ts';
import { holds } from '../seed.ts';

function step(at_ms: number, gib: number, vm_id = 'v1'): MemoryStepLine {
  const bytes = Math.round(gib * GIB);
  return {
    mechanism: 'm',
    kind: 'step',
    at_ms,
    function: 'f',
    vm_id,
    committed_bytes: bytes,
    plugged_bytes: bytes,
    used_bytes: bytes,
    resident_bytes: bytes,
    region_resident_bytes: bytes,
    region_used_bytes: null,
  };
}

test('a percentile is the value at rank ceil(share x n), without interpolation', (t) => {
  const sample = Sample.of([40, 10, 30, 20]);
  t.is(percentile(sample, 0.25), 10);
  t.is(percentile(sample, 0.5), 20);
  t.is(percentile(sample, 0.51), 30);
  t.is(percentile(sample, 0.99), 40);
  t.is(percentile(sample, 0), 10);
  t.is(percentile(Sample.of([]), 0.5), null);
});

test('what was not reached ranks last and never makes a percentile look better', (t) => {
  t.deepEqual(describe(Sample.of([1, null, 3])), {
    n: 3,
    reached: 2,
    min_ms: 1,
    p50_ms: 3,
    max_ms: null,
  });
  t.deepEqual(describe(Sample.of([null])), {
    n: 1,
    reached: 0,
    min_ms: null,
    p50_ms: null,
    max_ms: null,
  });
  const many = [...Array.from({ length: 149 }, (_, index) => index), null];
  t.like(describe(Sample.of(many)), { n: 150, p95_ms: 142, p99_ms: 148, max_ms: null });
});

test('a percentile is a value of the sample with at least its share below or at it', async (t) => {
  const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 200 });
  await holds(
    t,
    fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (list, share) => {
      const value = percentile(Sample.of(list), share);
      if (value === null) throw new Error('a sample that is all there has every percentile');
      t.true(list.includes(value));
      t.true(list.filter((one) => one <= value).length >= share * list.length - 1e-9);
      t.true(list.filter((one) => one < value).length < share * list.length);
    }),
  );
});

for (const [share, least_n] of [
  [0.5, 1],
  [0.95, 20],
  [0.99, 100],
] as const) {
  test(`p${share * 100} is told from n = ${least_n} on, and is never the maximum before`, (t) => {
    for (let n = 1; n < 300; n += 1) t.is(hasPercentile(n, share), n >= least_n, `n = ${n}`);
    const sample = Sample.of(Array.from({ length: Math.max(2, least_n) }, (_, index) => index));
    t.true((percentile(sample, share) ?? 0) < sample.n - 1);
  });
}

const counted = (n: number): object =>
  describe(Sample.of(Array.from({ length: n }, (_, index) => index)));

test('what n does not allow is not there, which is not the same as not reached', (t) => {
  t.deepEqual(Object.keys(counted(19)), ['n', 'reached', 'min_ms', 'p50_ms', 'max_ms']);
  t.deepEqual(Object.keys(counted(20)), ['n', 'reached', 'min_ms', 'p50_ms', 'p95_ms', 'max_ms']);
  t.true('p99_ms' in counted(100));
});

test('a million values have bounds and an order, without a call of a million arguments', (t) => {
  const list = new NumberList();
  for (let index = 0; index < 1e6; index += 1) list.push((index * 7919) % 1e6);
  t.deepEqual(boundsOf(list.values()), { low: 0, high: 999_999 });
  const order = orderOf(list.values());
  t.is(list.at(order[0] ?? -1), 0);
  t.is(list.at(order.at(-1) ?? -1), 999_999);
  t.is(list.length, 1e6);
});

test('the geometric mean of 1, 10 and 100 is 10', (t) => {
  t.is(geometricMean([1, 10, 100]), 10);
  t.is(geometricMean([]), null);
});

test('the integral holds each step until the next of the same VM, and the last to the end', (t) => {
  const cost = integrate(MemorySteps.of([step(0, 1), step(1000, 3), step(4000, 0.5)]), 0, 10_000);
  t.is(cost.resident_bytes, 1 * 1 + 3 * 3 + 0.5 * 6);
});

test('the integral is cut to the window, with the step carried in from before it', (t) => {
  const steps = [step(-5000, 2), step(500, 4), step(3000, 100)];
  t.is(integrate(MemorySteps.of(steps), 0, 1000).plugged_bytes, 2 * 0.5 + 4 * 0.5);
});

test('VMs are summed, and a VM is nothing before its first step', (t) => {
  const cost = integrate(MemorySteps.of([step(0, 1), step(500, 2, 'v2')]), 0, 1000);
  t.is(cost.committed_bytes, 1 + 2 * 0.5);
});

const resident = (lines: MemoryStepLine[], from_ms: number, to_ms: number): number =>
  integrate(MemorySteps.of(lines), from_ms, to_ms).resident_bytes ?? Number.NaN;

test('the integral does not depend on the order of lines, or on how the window is cut', async (t) => {
  const stamps = fc.uniqueArray(fc.integer({ min: -2000, max: 9000 }), {
    minLength: 1,
    maxLength: 40,
  });
  await holds(
    t,
    fc.property(stamps, fc.integer({ min: 1, max: 7999 }), fc.nat(4), (list, cut_ms, seed) => {
      const steps = list.map((at, index) =>
        step(at, ((index * 7 + seed) % 5) / 4, `v${index % 3}`),
      );
      const whole = resident(steps, 0, 8000);
      t.is(resident(steps.toReversed(), 0, 8000), whole);
      const parts = resident(steps, 0, cut_ms) + resident(steps, cut_ms, 8000);
      t.true(Math.abs(parts - whole) < 3e-6);
    }),
  );
});

test('what a guest did not tell is what it last told, and not known before it told anything', (t) => {
  const silent = { ...step(500, 4), used_bytes: null };
  t.is(integrate(MemorySteps.of([step(0, 2), silent]), 0, 1000).used_bytes, 2);
  t.is(integrate(MemorySteps.of([silent]), 0, 1000).used_bytes, null);
  t.is(integrate(MemorySteps.of([silent]), 0, 1000).plugged_bytes, 2);
});

test('the total of all VMs has a point at every change', (t) => {
  const steps = MemorySteps.of([step(0, 1), step(5, 2, 'v2'), step(5, 3), step(9, 0, 'v2')]);
  const total: TotalPoint[] = [];
  forEachTotal(steps, (point) => total.push(point));
  t.deepEqual(
    total.map((point) => [point.at_ms, point.resident_bytes / GIB]),
    [
      [0, 1],
      [5, 5],
      [9, 3],
    ],
  );
});

test('the longest silence of a VM within the window is reported', (t) => {
  t.is(longestGap(MemorySteps.of([step(-100, 1), step(300, 1), step(400, 1)]), 0, 600), 300);
  t.is(longestGap(MemorySteps.of([]), 0, 600), 0);
});
