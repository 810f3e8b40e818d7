import test from 'ava';
import fc from 'fast-check';
import { integrate, longestGap, totalSteps } from '../../autoscaler/report/integral.ts';
import { describe, percentile, toSample } from '../../autoscaler/report/statistics.ts';
import { geometricMean } from '../../autoscaler/report/statistics.ts';
import type { MemoryStepLine } from '../../autoscaler/results/schema.ts';
import { GIB } from '../../base/units.ts';

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
  };
}

test('a percentile is the value at rank ceil(share x n), without interpolation', (t) => {
  const sample = toSample([40, 10, 30, 20]);
  t.is(percentile(sample, 0.25), 10);
  t.is(percentile(sample, 0.5), 20);
  t.is(percentile(sample, 0.51), 30);
  t.is(percentile(sample, 0.99), 40);
  t.is(percentile(sample, 0), 10);
  t.is(percentile(toSample([]), 0.5), null);
});

test('what was not reached ranks last and never makes a percentile look better', (t) => {
  t.deepEqual(describe([1, null, 3]), { n: 3, reached: 2, p50_ms: 3, p99_ms: null, max_ms: null });
  t.deepEqual(describe([null]), { n: 1, reached: 0, p50_ms: null, p99_ms: null, max_ms: null });
});

test('a percentile is a value of the sample with at least its share below or at it', (t) => {
  const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (list, share) => {
      const value = percentile(toSample(list), share);
      if (value === null) throw new Error('a sample that is all there has every percentile');
      t.true(list.includes(value));
      t.true(list.filter((one) => one <= value).length >= share * list.length - 1e-9);
      t.true(list.filter((one) => one < value).length < share * list.length);
    }),
  );
});

test('the geometric mean of 1, 10 and 100 is 10', (t) => {
  t.is(geometricMean([1, 10, 100]), 10);
  t.is(geometricMean([]), null);
});

test('the integral holds each step until the next of the same VM, and the last to the end', (t) => {
  const cost = integrate([step(0, 1), step(1000, 3), step(4000, 0.5)], 0, 10_000);
  t.is(cost.resident_bytes, 1 * 1 + 3 * 3 + 0.5 * 6);
});

test('the integral is cut to the window, with the step carried in from before it', (t) => {
  const steps = [step(-5000, 2), step(500, 4), step(3000, 100)];
  t.is(integrate(steps, 0, 1000).plugged_bytes, 2 * 0.5 + 4 * 0.5);
});

test('VMs are summed, and a VM is nothing before its first step', (t) => {
  const cost = integrate([step(0, 1), step(500, 2, 'v2')], 0, 1000);
  t.is(cost.committed_bytes, 1 + 2 * 0.5);
});

test('the integral does not depend on the order of lines, or on how the window is cut', (t) => {
  const stamps = fc.uniqueArray(fc.integer({ min: -2000, max: 9000 }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(stamps, fc.integer({ min: 1, max: 7999 }), fc.nat(4), (list, cut_ms, seed) => {
      const steps = list.map((at, index) =>
        step(at, ((index * 7 + seed) % 5) / 4, `v${index % 3}`),
      );
      const whole = integrate(steps, 0, 8000).resident_bytes;
      t.is(integrate(steps.toReversed(), 0, 8000).resident_bytes, whole);
      const parts =
        integrate(steps, 0, cut_ms).resident_bytes + integrate(steps, cut_ms, 8000).resident_bytes;
      t.true(Math.abs(parts - whole) < 3e-6);
    }),
  );
});

test('the total of all VMs has a point at every change', (t) => {
  const total = totalSteps([step(0, 1), step(5, 2, 'v2'), step(5, 3), step(9, 0, 'v2')]);
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
  t.is(longestGap([step(-100, 1), step(300, 1), step(400, 1)], 0, 600), 300);
  t.is(longestGap([], 0, 600), 0);
});
