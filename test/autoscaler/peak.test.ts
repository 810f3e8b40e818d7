import test from 'ava';
import { peakConcurrency } from '../../autoscaler/trace/peak.ts';

const runs = (...rows: readonly (readonly [number, number, number])[]) =>
  rows.map(([function_index, arrival_ms, duration_ms]) => ({
    function_index,
    arrival_ms,
    duration_ms,
  }));

test('the peak is the most invocations of a function at the same moment', (t) => {
  t.deepEqual(peakConcurrency(runs([0, 0, 10], [0, 5, 10], [0, 9, 10], [1, 0, 100]), 2), [3, 1]);
});

test('one that ends as another begins does not overlap it', (t) => {
  t.deepEqual(peakConcurrency(runs([0, 0, 10], [0, 10, 10]), 1), [1]);
});

test('calls that hold their instance longer than they run overlap the next', (t) => {
  const back_to_back = runs([0, 0, 10], [0, 10, 10], [0, 20, 10]);
  t.deepEqual(peakConcurrency(back_to_back, 1, 5), [2]);
  t.deepEqual(peakConcurrency(back_to_back, 1, 15), [3]);
});

test('an invocation without duration needs an instance all the same', (t) => {
  t.deepEqual(peakConcurrency(runs([0, 7, 0]), 2), [1, 0]);
});
