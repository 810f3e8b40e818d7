/** Quantiles in a few numbers, and the pace that is told by them. */
import test from 'ava';
import fc from 'fast-check';
import {
  NO_PACE,
  pathMs,
  unplugMs,
  withPlug,
  withRun,
  withUnplug,
} from '../../../agent/model/pace.ts';
import { NO_DURATIONS, durationPercentile, withDuration } from '../../../agent/model/durations.ts';
import { GIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

test('a percentile is at most an eighth of an octave above the value that it stands for', async (t) => {
  const values = fc.array(fc.double({ min: 0.002, max: 1e6, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });
  const property = fc.property(values, fc.integer({ min: 50, max: 100 }), (all, percent) => {
    const told = durationPercentile(all.reduce(withDuration, NO_DURATIONS), percent) ?? Number.NaN;
    const sorted = all.toSorted((a, b) => a - b);
    const value = sorted[Math.ceil((percent / 100) * all.length) - 1] ?? Number.NaN;
    if (told < value * (1 - 1e-9) || told > value * 2 ** (1 / 8) * (1 + 1e-9)) {
      throw new Error(`p${percent} is told as ${told}, and is ${value}`);
    }
  });
  await holds(t, property, { runs: 500 });
});

test('nothing is told of nothing, and what was long ago fades', (t) => {
  t.is(durationPercentile(NO_DURATIONS, 99), null);
  let spread = withDuration(NO_DURATIONS, 10_000);
  for (let count = 0; count < 500; count += 1) spread = withDuration(spread, 1);
  t.is(durationPercentile(spread, 100), 1);
  t.true(spread.total < 256);
});

test('a pace tells what an unplug will take by its size, and how long a start takes to its end', (t) => {
  t.is(unplugMs(NO_PACE, GIB), null);
  t.is(unplugMs(withUnplug(NO_PACE, 4, GIB / 4), GIB / 2), 8);
  const pace = withRun(withPlug(NO_PACE, 32), 100, null);
  t.is(pathMs(pace), 132);
  t.is(withRun(pace, 500, 1).exec_ms, 100, 'what ran beside reclaim is counted apart');
});
