/** Differences of percentiles: what is alike is not told apart, and what differs is. */
import test from 'ava';
import fc from 'fast-check';
import { drawnPercentile, percentileDifference } from '../../../autoscaler/profile/difference.ts';
import { seededRandom } from '../../../base/random.ts';
import { percentile, Sample } from '../../../base/statistics.ts';
import { holds, SEED } from '../../seed.ts';

const drawn = (n: number, random: () => number): number[] =>
  Array.from({ length: n }, () => -Math.log(1 - random()) * 10);

test('a percentile that is drawn is that of a sample drawn whole', (t) => {
  const random = seededRandom(SEED);
  const sorted = Float64Array.from(drawn(60, random)).toSorted();
  for (const share of [0.5, 0.95]) {
    const quick = Array.from({ length: 20_000 }, () => drawnPercentile(sorted, share, random));
    const whole = Array.from({ length: 20_000 }, () => {
      const again = Array.from(sorted, () => sorted[Math.floor(random() * sorted.length)] ?? 0);
      return percentile(Sample.of(again), share) ?? 0;
    });
    for (const value of sorted) {
      const of = (values: readonly number[]): number =>
        values.filter((one) => one <= value).length / values.length;
      // Two shares of 20,000: further apart than this once in a hundred million.
      t.true(Math.abs(of(quick) - of(whole)) < 0.03, `${share} at ${value}`);
    }
  }
});

test('of runs that are alike about one in twenty is told apart', (t) => {
  const random = seededRandom(SEED);
  for (const share of [0.5, 0.95]) {
    let apart = 0;
    for (let round = 0; round < 400; round += 1) {
      const found = percentileDifference(drawn(80, random), drawn(80, random), share, random);
      if (found?.verdict === 'longer' || found?.verdict === 'shorter') apart += 1;
    }
    t.true(apart < 52, `${apart} of 400 at ${share}`);
  }
});

test('what is half as long again is told apart, on the right side', async (t) => {
  const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 });
  await holds(
    t,
    fc.property(seed, (one) => {
      const random = seededRandom(one);
      const a = drawn(600, random);
      const b = drawn(600, random).map((value) => value * 1.6);
      const [there, back] = [[a, b] as const, [b, a] as const].map(([x, y]) =>
        percentileDifference(x, y, 0.5, random),
      );
      return there?.verdict === 'longer' && back?.verdict === 'shorter';
    }),
    { runs: 50 },
  );
});

test('the same draws give the same interval, which holds the difference', (t) => {
  const random = seededRandom(5);
  const [a, b] = [drawn(200, random), drawn(200, random)];
  const once = percentileDifference(a, b, 0.95, seededRandom(1));
  t.deepEqual(percentileDifference(a, b, 0.95, seededRandom(1)), once);
  t.true(once !== null && (once.low_ms ?? 0) <= once.difference_ms);
  t.true(once !== null && (once.high_ms ?? 0) >= once.difference_ms);
});

test('a sample too small for a percentile does not have it, nor one of five an interval', (t) => {
  const many = Array.from({ length: 100 }, (_, index) => index);
  t.is(percentileDifference(many.slice(1), many, 0.99, seededRandom(1)), null);
  t.is(percentileDifference(many, many, 0.99, seededRandom(1))?.verdict, 'not told apart');
  t.is(percentileDifference(many.slice(0, 19), many, 0.95, seededRandom(1)), null);
  const few = percentileDifference([1, 2, 3, 4, 5], many, 0.5, seededRandom(1));
  t.deepEqual([few?.verdict, few?.low_ms, few?.difference_ms], ['too few', null, 46]);
});

const flat = (value: number): number[] => Array.from({ length: 10 }, () => value);

test('samples without any spread are told apart where they differ at all', (t) => {
  t.is(percentileDifference(flat(1), flat(1), 0.5, seededRandom(1))?.verdict, 'not told apart');
  t.is(percentileDifference(flat(1), flat(1.001), 0.5, seededRandom(1))?.verdict, 'longer');
});
