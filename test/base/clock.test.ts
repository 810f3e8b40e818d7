/**
 * Goal: a time longer than what a timer of Node takes (2^31 - 1 ms) is waited for, not skipped.
 * Method: the real clock; what would have fired at once is seen not to have.
 */
import test from 'ava';
import { hostClock, LONGEST_TIMER_MS, timerMs } from '../../base/clock.ts';

const DAY_MS = 86_400_000;
/** Long enough for what fires at once to have fired: some turns of the event loop. */
const A_MOMENT_MS = 60;

const LONG_TIMES: readonly (readonly [string, number])[] = [
  ['just above 2^31 ms', 2 ** 31],
  ['30 days', 30 * DAY_MS],
  ['100 years', 36_500 * DAY_MS],
  ['no end', Number.POSITIVE_INFINITY],
];

for (const [what, ms] of LONG_TIMES) {
  test(`a sleep of ${what} is still asleep a moment later, and ends by its signal`, async (t) => {
    const abort = new AbortController();
    const sleeping = hostClock.sleep(ms, abort.signal).then(() => 'woke');
    const first = await Promise.race([sleeping, hostClock.sleep(A_MOMENT_MS).then(() => 'asleep')]);
    t.is(first, 'asleep');
    abort.abort();
    await t.throwsAsync(sleeping, { name: 'AbortError' });
  });
}

test('a sleep takes as long as it says, and below a millisecond it only yields', async (t) => {
  const begin_ms = hostClock.nowMs();
  await hostClock.sleep(30);
  t.true(hostClock.nowMs() - begin_ms >= 29);
  for (const ms of [0, -5, 0.5, Number.NaN]) await hostClock.sleep(ms);
});

test('a deadline is whole, not negative, and no more than a timer takes', (t) => {
  t.is(timerMs(1.2), 2);
  t.is(timerMs(-3), 0);
  t.is(timerMs(30 * DAY_MS), LONGEST_TIMER_MS);
  t.is(timerMs(Number.POSITIVE_INFINITY), LONGEST_TIMER_MS);
  t.true(LONGEST_TIMER_MS < 2 ** 31);
});
