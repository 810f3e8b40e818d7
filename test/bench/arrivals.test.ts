/** `bench profile`: it sends what it says to a real agent, and tells how late that was. */
import test from 'ava';
import { arrivalRowsOf, arrivalText, measureArrivals } from '../../bench/agent/arrivals.ts';
import { silentProgress } from '../../base/progress.ts';

test('every arrival is sent and answered, and the same ones are timed without a call', async (t) => {
  const { signal } = new AbortController();
  const input = { rates: [20, 200], seconds: 0.5, rounds: 2, seed: 1 };
  const rows = await measureArrivals({ ...input, progress: silentProgress, signal });
  t.deepEqual(
    rows.map(({ rate_per_s, called }) => [rate_per_s, called]),
    [
      [20, null],
      [20, 'agent'],
      [200, null],
      [200, 'agent'],
    ],
  );
  for (const rate of [20, 200]) {
    const [alone, called] = rows.filter((row) => row.rate_per_s === rate);
    t.true((called?.arrivals ?? 0) > 0);
    t.is(called?.arrivals, alone?.arrivals, 'the same arrivals');
    t.is(called?.done, called?.arrivals);
    t.is(called?.error.n, called?.arrivals);
    t.is(alone?.received, null);
    t.is(alone?.done, null);
    t.true((called?.received?.p50_ms ?? -1) >= (called?.earliest_ms ?? 0));
  }
});

test('a bench that is interrupted says so', async (t) => {
  const abort = new AbortController();
  abort.abort();
  const input = { rates: [10], seconds: 1, rounds: 1, seed: 1, signal: abort.signal };
  await t.throwsAsync(measureArrivals({ ...input, progress: silentProgress }), {
    code: 'HP_BENCH_INTERRUPTED',
  });
});

test('rounds of a rate are one row: errors are told without their sign, and with both ends', (t) => {
  const one = { rate_per_s: 10, called: 'agent', received_ms: [1, 2], done: 2 } as const;
  const rows = arrivalRowsOf([
    { ...one, errors_ms: [-3, 1], others_share: 0.25 },
    { ...one, errors_ms: [2, 5], others_share: null },
  ]);
  t.is(rows.length, 1);
  const [row] = rows;
  t.deepEqual([row?.arrivals, row?.done, row?.latest_ms, row?.earliest_ms], [4, 4, 5, -3]);
  t.deepEqual([row?.error.p50_ms, row?.error.max_ms, row?.others_share], [2, 5, 0.25]);
  t.is(row?.error.p99_ms, undefined, 'four arrivals have no p99');
  t.regex(
    arrivalText(rows),
    /10 a second, called : p50 2 ms, p99 - ms \(5 late, 3 early at most\).*4 done, others at most 25 %/,
  );
});
