/** For how long an idle instance is kept by a price: by hand, and against all ends there are. */
import test from 'ava';
import fc from 'fast-check';
import { GIB, MIB } from '../../../base/units.ts';
import {
  type DurationTally,
  durationClasses,
  NO_DURATIONS,
  withCount,
} from '../../../agent/model/durations.ts';
import { evenAfterMs, keptForMs } from '../../../autoscaler/policy/pool-price.ts';
import { holds } from '../../seed.ts';

const HOUR_MS = 3_600_000;
const restsOf = (all: readonly number[]): DurationTally =>
  all.reduce((tally, rest_ms) => withCount(tally, rest_ms), NO_DURATIONS);

test('memory is even with a plug after what the plug is worth, by its size', (t) => {
  t.is(evenAfterMs({ bytes: GIB, worth_gib_s: 60 }), 60_000);
  t.is(evenAfterMs({ bytes: 512 * MIB, worth_gib_s: 60 }), 120_000);
});

test('where nothing is known one is kept until both are even, ten minutes or the window at most', (t) => {
  t.is(keptForMs(NO_DURATIONS, { bytes: GIB, worth_gib_s: 60 }, HOUR_MS), 60_000);
  t.is(keptForMs(NO_DURATIONS, { bytes: GIB, worth_gib_s: 60_000 }, HOUR_MS), 600_000);
  t.is(keptForMs(NO_DURATIONS, { bytes: GIB, worth_gib_s: 60_000 }, 30_000), 30_000);
});

test('what always comes a minute later is kept for a minute where that pays, else not at all', (t) => {
  const rests = restsOf(Array.from({ length: 100 }, () => 60_000));
  const kept_ms = keptForMs(rests, { bytes: GIB, worth_gib_s: 100 }, HOUR_MS);
  t.true(kept_ms >= 60_000 && kept_ms < 66_000, String(kept_ms));
  t.is(keptForMs(rests, { bytes: GIB, worth_gib_s: 30 }, HOUR_MS), 0);
  t.true(keptForMs(rests, { bytes: GIB / 4, worth_gib_s: 30 }, HOUR_MS) >= 60_000, 'a small one');
});

test('a few that come an hour later are not waited for', (t) => {
  const rests = restsOf([...Array.from({ length: 200 }, () => 5_000), HOUR_MS]);
  const kept_ms = keptForMs(rests, { bytes: GIB, worth_gib_s: 100 }, 2 * HOUR_MS);
  t.true(kept_ms >= 5_000 && kept_ms < 60_000, String(kept_ms));
});

test('of the ends of all classes that have rests none is cheaper, and none is longer than the window', async (t) => {
  const rest = fc.double({ min: 0, max: 25, noNaN: true }).map((octave) => 2 ** octave);
  const property = fc.property(
    fc.array(rest, { minLength: 1, maxLength: 60 }),
    fc.double({ min: 0.1, max: 10_000, noNaN: true }),
    fc.constantFrom(128 * MIB, GIB, 8 * GIB),
    fc.constantFrom(60_000, HOUR_MS, 10 * HOUR_MS),
    (all, worth_gib_s, bytes, most_ms) => {
      const rests = restsOf(all);
      const price = { bytes, worth_gib_s };
      const kept_ms = keptForMs(rests, price, most_ms);
      if (kept_ms < 0 || kept_ms > most_ms) throw new Error(`kept for ${kept_ms}`);
      const classes = durationClasses(rests).filter(([, count]) => count > 0);
      const ends = [0, ...classes.map(([top_ms]) => top_ms)];
      const best = costOf(rests, price, kept_ms);
      for (const end_ms of ends.filter((one) => one <= most_ms)) {
        const cost = costOf(rests, price, end_ms);
        if (cost < best * (1 - 1e-9)) throw new Error(`${end_ms} is cheaper than ${kept_ms}`);
      }
    },
  );
  await holds(t, property, { runs: 500 });
});

/** In milliseconds of memory, rest by rest: plugs that come nevertheless, and what is kept. */
function costOf(
  rests: DurationTally,
  price: { readonly bytes: number; readonly worth_gib_s: number },
  end_ms: number,
): number {
  const even_ms = evenAfterMs(price);
  const unknown_ms = Math.min(even_ms, 600_000);
  let cost = (even_ms * unknown_ms) / (unknown_ms + end_ms);
  cost += unknown_ms * Math.log1p(end_ms / unknown_ms);
  for (const [top_ms, count] of durationClasses(rests)) {
    cost += count * (Math.min(top_ms, end_ms) + (top_ms > end_ms ? even_ms : 0));
  }
  return cost;
}
