/** How long instances are idle until they are used, by hand. */
import test from 'ava';
import { durationClasses, durationPercentile } from '../../../agent/model/durations.ts';
import {
  type IdleRests,
  NO_IDLE_RESTS,
  withIdleEnd,
  withMiss,
  withReuse,
} from '../../../agent/model/idle-rests.ts';

const longest = ({ tally }: IdleRests): number => durationPercentile(tally, 100) ?? Number.NaN;

test('a call that finds an idle instance tells for how long that was idle', (t) => {
  const rests = withReuse(withReuse(NO_IDLE_RESTS, 1_024), 64);
  t.is(rests.tally.total, 2);
  t.is(longest(rests), 1_024);
});

test('a call that finds none would have used the one that was idle last', (t) => {
  const ended = withIdleEnd(withIdleEnd(NO_IDLE_RESTS, 5_000), 1_000);
  const first = withMiss(ended, 5_000 + 2_048);
  t.is(longest(first), 2_048);
  t.deepEqual(first.ended_since_ms, [1_000]);
  const second = withMiss(first, 1_000 + 8_192);
  t.is(longest(second), 8_192);
  t.is(withMiss(second, 99_000), second, 'nobody ended: nothing is told');
});

test('of ends no more are kept than instances can be, the latest ones', (t) => {
  let rests = NO_IDLE_RESTS;
  for (let at = 0; at < 1_000; at += 1) rests = withIdleEnd(rests, at);
  t.true(rests.ended_since_ms.length <= 64);
  t.is(rests.ended_since_ms.at(-1), 999);
});

test('one long rest among a thousand short ones is not forgotten when counts are halved', (t) => {
  let rests = withReuse(NO_IDLE_RESTS, 600_000);
  for (let at = 0; at < 2_000; at += 1) rests = withReuse(rests, 10);
  t.true(rests.tally.total < 1_024);
  const long = durationClasses(rests.tally).findLast(([, count]) => count > 0);
  t.true((long?.[0] ?? 0) >= 600_000);
  t.true((long?.[1] ?? 0) < 1, 'and counts for less than one');
});
