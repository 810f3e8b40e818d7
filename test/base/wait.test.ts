import test from 'ava';
import type { Clock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';

/** A clock that only moves when somebody sleeps on it. */
function fakeClock(): Clock & { slept_ms: number[] } {
  let now_ms = 0;
  const slept_ms: number[] = [];
  return {
    slept_ms,
    nowMs: () => now_ms,
    sleep: async (ms) => {
      slept_ms.push(ms);
      now_ms += ms;
    },
    timer: () => () => undefined,
  };
}

test('a state that is already there costs no wait', async (t) => {
  const clock = fakeClock();
  t.is(await waitFor(() => 'there', { clock, deadline_ms: 100 }), 'there');
  t.deepEqual(clock.slept_ms, []);
});

test('pauses double up to the longest one and never pass the deadline', async (t) => {
  const clock = fakeClock();
  const found = await waitFor(() => null, {
    clock,
    deadline_ms: 20,
    first_pause_ms: 1,
    longest_pause_ms: 8,
  });
  t.is(found, null);
  t.deepEqual(clock.slept_ms, [1, 2, 4, 8, 5]);
});

test('a state that appears exactly at the deadline is still seen', async (t) => {
  const clock = fakeClock();
  const found = await waitFor(() => (clock.nowMs() >= 10 ? 'late' : null), {
    clock,
    deadline_ms: 10,
  });
  t.is(found, 'late');
});
