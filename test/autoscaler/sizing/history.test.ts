import test from 'ava';
import fc from 'fast-check';
import {
  classesOf,
  classWithin,
  SIZE_CLASSES,
  sizeHolding,
} from '../../../autoscaler/policy/sizing/classes.ts';
import { type Estimator, estimateSize } from '../../../autoscaler/policy/sizing/estimate.ts';
import {
  historyEstimator,
  NO_HISTORY,
  notePeak,
  REVIEW_EVERY,
  type SizeHistory,
} from '../../../autoscaler/policy/sizing/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

const FEATURES = { max_bytes: 4 * GIB };
const SMALLEST_BYTES = 64 * MIB;

function after(peaks: readonly number[], times = 1): SizeHistory {
  let history = NO_HISTORY;
  for (let round = 0; round < times; round += 1) {
    for (const peak_bytes of peaks) history = notePeak(history, peak_bytes);
  }
  return history;
}

const asked = (history: SizeHistory, max_bytes = 4 * GIB) =>
  estimateSize([historyEstimator(history)], {}, { max_bytes });

for (const [bytes, size, parts] of [
  [0, 64, [64]],
  [1, 64, [64]],
  [64 * MIB, 64, [64]],
  [64 * MIB + 1, 128, [128]],
  [300 * MIB, 320, [256, 64]],
  [400 * MIB, 448, [256, 128, 64]],
  [GIB, 1024, [1024]],
  [2.5 * GIB, 2560, [1024, 1024, 512]],
] as const) {
  test(`${bytes} bytes are held by ${parts.join(' + ')} MiB`, (t) => {
    t.is(sizeHolding(bytes), size * MIB);
    t.deepEqual(
      classesOf(bytes).map((part) => part / MIB),
      [...parts],
    );
  });
}

for (const [mib, class_mib] of [
  [1, 64],
  [127, 64],
  [128, 128],
  [1023, 512],
  [5000, 1024],
] as const) {
  test(`a growth of ${mib} MiB is made in steps of ${class_mib}`, (t) => {
    t.is(classWithin(mib * MIB), class_mib * MIB);
  });
}

test('a size put together from classes wastes less than one smallest class', (t) =>
  holds(
    t,
    fc.property(fc.integer({ min: 1, max: 16 * GIB }), (bytes) => {
      const parts = classesOf(bytes);
      const sum = parts.reduce((total, part) => total + part, 0);
      return (
        sum >= bytes &&
        sum - bytes < SMALLEST_BYTES &&
        parts.every((one) => SIZE_CLASSES.includes(one))
      );
    }),
  ));

test('before its first review a function gets 256 and 64 MiB', (t) => {
  const estimate = asked(after([900 * MIB], REVIEW_EVERY - 1));
  t.like(estimate, { baseline_bytes: 256 * MIB, increment_bytes: 64 * MIB, by: 'declared' });
  t.is(estimate.error_p95_bytes, null);
});

test('the size is chosen at the thousandth invocation, from the average of the peaks', (t) => {
  const estimate = asked(after([900 * MIB], REVIEW_EVERY));
  t.like(estimate, { baseline_bytes: 960 * MIB, increment_bytes: 128 * MIB, by: 'history' });
  t.is(estimate.error_p95_bytes, 0);
  t.is(
    estimate.because,
    'peaks of 1000 invocations average 900 MiB: 512 MiB + 256 MiB + 128 MiB + 64 MiB, ' +
      'grown by 128 MiB',
  );
});

test('the average gives half its weight to the newest peak', (t) => {
  const history = notePeak(notePeak(notePeak(NO_HISTORY, 100), 200), 400);
  t.is(history.average_bytes, 275);
});

test('a function that never outgrew its baseline grows by the smallest class', (t) => {
  t.is(asked(after([100 * MIB], REVIEW_EVERY)).increment_bytes, 64 * MIB);
});

test('what a function declares holds until there is history', (t) => {
  const declared = { baseline_bytes: GIB };
  t.like(estimateSize([historyEstimator(NO_HISTORY)], declared, FEATURES), {
    baseline_bytes: GIB,
    increment_bytes: 64 * MIB,
    because: 'the function declares it',
  });
});

const silent: Estimator = () => null;

function told(baseline_bytes: number): Estimator {
  const because = 'it was told so';
  const size = { baseline_bytes, increment_bytes: 1, because, error_p95_bytes: null };
  return ({ max_bytes }) => ({ ...size, max_bytes, by: 'expression' });
}

test('the first answer of a chain wins', (t) => {
  const estimate = estimateSize([silent, told(7), told(8)], {}, FEATURES);
  t.like(estimate, { baseline_bytes: 7, by: 'expression' });
});

test('no estimate goes beyond the ceiling', (t) => {
  const history = after([900 * MIB], REVIEW_EVERY);
  t.like(asked(history, 128 * MIB), { baseline_bytes: 128 * MIB, max_bytes: 128 * MIB });
  t.like(asked(history, 1024 * MIB), { baseline_bytes: 960 * MIB, increment_bytes: 64 * MIB });
});

test('the error is told once twenty are known, and of the latest hundred alone', (t) => {
  const far = after([GIB, 0], 100);
  t.is(far.errors_bytes.length, 100);
  t.true(far.errors_bytes.every((error) => error > 500 * MIB));
});

const peaks = fc.array(fc.integer({ min: 0, max: 8 * GIB }), { minLength: 1, maxLength: 40 });

test('sizes change at every thousandth invocation and at no other', (t) =>
  holds(
    t,
    fc.property(peaks, (series) => {
      let history = NO_HISTORY;
      for (let index = 1; index <= 2 * REVIEW_EVERY + 10; index += 1) {
        const next = notePeak(history, series[index % series.length] ?? 0);
        const changed = next.chosen !== history.chosen;
        if (changed !== (index % REVIEW_EVERY === 0)) return false;
        history = next;
      }
      return history.chosen?.after_invocations === 2 * REVIEW_EVERY;
    }),
    { runs: 25 },
  ));

test('a history is plain JSON of bounded size, whatever it has seen', (t) =>
  holds(
    t,
    fc.property(peaks, (series) => {
      const history = after(series, Math.ceil((REVIEW_EVERY + 1) / series.length));
      const text = JSON.stringify(history);
      return text.length < 4_000 && JSON.stringify(JSON.parse(text)) === text;
    }),
    { runs: 25 },
  ));

test('the baseline of a steady function holds its peak and wastes less than 64 MiB', (t) =>
  holds(
    t,
    fc.property(fc.integer({ min: 1, max: 4 * GIB }), (peak_bytes) => {
      const { baseline_bytes } = asked(after([peak_bytes], REVIEW_EVERY), 8 * GIB);
      return baseline_bytes >= peak_bytes && baseline_bytes - peak_bytes < SMALLEST_BYTES;
    }),
    { runs: 25 },
  ));
