import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '../../base/random.ts';
import {
  median,
  medianInterval,
  percentileOf,
  ratioOfMedians,
  spreadOf,
} from '../../bench/statistics.ts';
import { holds, SEED } from '../seed.ts';

const finite = fc.double({ min: 0.001, max: 1e6, noNaN: true });

test('medians and spreads of known samples', (t) => {
  const table: readonly (readonly [readonly number[], number | null, number | null])[] = [
    [[], null, null],
    [[3], 3, 0],
    [[1, 2], 1.5, 0.5],
    [[5, 1, 3], 3, 2],
    [[1, 1, 1, 100], 1, 0],
    [[2, 4, 4, 4, 5, 5, 7, 9], 4.5, 0.5],
  ];
  for (const [values, center, mad] of table) {
    t.is(median(values), center);
    t.is(spreadOf(values)?.mad ?? null, mad);
  }
});

test('a percentile is a value of the sample, by nearest rank', (t) => {
  const values = Array.from({ length: 200 }, (_, index) => index + 1);
  t.is(percentileOf(values, 0.99), 198);
  t.is(percentileOf(values, 0.5), 100);
  t.is(percentileOf([7], 0.5), 7);
  t.is(percentileOf(values.slice(0, 100), 0.99), 99);
  t.is(percentileOf(values.slice(0, 99), 0.99), null, 'it would be the maximum');
  t.is(percentileOf([], 0.99), null);
});

test('a median lies between the extremes and does not depend on the order', async (t) => {
  await holds(
    t,
    fc.property(fc.array(finite, { minLength: 1 }), (values) => {
      const spread = spreadOf(values);
      const turned = spreadOf(values.toReversed());
      return (
        spread !== null &&
        spread.min <= spread.median &&
        spread.median <= spread.max &&
        JSON.stringify(spread) === JSON.stringify(turned)
      );
    }),
  );
});

test('a ratio has an interval that is the same for the same seed', (t) => {
  const a = [10, 11, 12, 13, 14];
  const b = [1, 1.1, 0.9, 1, 1.05];
  const ratio = ratioOfMedians(a, b, 7);
  t.is(ratio?.ratio, 12);
  t.deepEqual(ratio, ratioOfMedians(a, b, 7));
  t.true((ratio?.low ?? 0) >= 10 / 1.1 && (ratio?.low ?? 0) <= 12);
  t.true((ratio?.high ?? 0) >= 12 && (ratio?.high ?? 0) <= 14 / 0.9);
});

test('the interval of a ratio never leaves what the extremes allow', async (t) => {
  await holds(
    t,
    fc.property(
      fc.array(finite, { minLength: 1, maxLength: 8 }),
      fc.array(finite, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (above, below, seed) => {
        const ratio = ratioOfMedians(above, below, seed);
        if (ratio === null) return false;
        const most = Math.max(...above) / Math.min(...below);
        return ratio.low <= ratio.high && ratio.high <= most * (1 + 1e-6) + 1e-6;
      },
    ),
    { runs: 30 },
  );
});

test('no ratio without both samples, or over zero', (t) => {
  t.is(ratioOfMedians([], [1], 1), null);
  t.is(ratioOfMedians([1], [], 1), null);
  t.is(ratioOfMedians([1], [0], 1), null);
});

test('a median is told with where it lies: 95 of 100 such intervals hold the true one', (t) => {
  const random = seededRandom(SEED);
  t.log(`seed ${SEED}`);
  let held = 0;
  for (let round = 0; round < 1_000; round += 1) {
    // Of a shape that is far from even: the median of -ln(u) is ln 2.
    const values = Array.from({ length: 20 }, () => -Math.log(1 - random()));
    const found = medianInterval(values);
    if (found && found.low <= Math.LN2 && found.high >= Math.LN2) held += 1;
  }
  t.true(held >= 930, `${held} of 1000`);
  t.true(held <= 995, `${held} of 1000: it says something`);
});

test('few values have no interval but from the least to the most', (t) => {
  t.like(medianInterval([3, 1, 2]), { n: 3, median: 2, low: 1, high: 3, confidence: null });
  t.is(medianInterval([]), null);
});
