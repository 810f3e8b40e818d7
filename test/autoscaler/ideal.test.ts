import test from 'ava';
import fc from 'fast-check';
import { idealOf, type IdealFunction } from '../../autoscaler/report/ideal.ts';
import { PlannedWork } from '../../autoscaler/report/planned-work.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { GIB } from '../../base/units.ts';
import { healthyRun, summaryOf } from './made-run.ts';
import { holds } from '../seed.ts';

const FUNCTION: IdealFunction = {
  name: 'f',
  limit_bytes: GIB,
  boot_bytes: GIB,
  concurrency: 2,
  keep_alive_ms: 2000,
};

type Call = readonly [at_ms: number, duration_ms: number];

function planned(calls: readonly Call[]): PlannedWork {
  const plan = new PlannedWork();
  for (const [at_ms, duration_ms] of calls) plan.add('f', at_ms, duration_ms);
  return plan;
}

for (const [title, calls, with_keep_alive, without] of [
  ['one call', [[0, 1000]], 3, 1],
  [
    'a second call within keep-alive has the instance that is there',
    [
      [0, 1000],
      [2000, 500],
    ],
    4.5,
    1.5,
  ],
  [
    'a second call after keep-alive has a new one',
    [
      [0, 1000],
      [4000, 500],
    ],
    3 + 2.5,
    1.5,
  ],
  [
    'two at once have two',
    [
      [0, 1000],
      [0, 1000],
    ],
    6,
    2,
  ],
  [
    'a third waits for one of two',
    [
      [0, 1000],
      [0, 1000],
      [0, 1000],
    ],
    4 + 3,
    3,
  ],
  ['what lies beyond the window does not count', [[9500, 1000]], 0.5, 0.5],
  ['a call without duration is kept alive all the same', [[0, 0]], 2, 0],
] as const satisfies readonly (readonly [string, readonly Call[], number, number])[]) {
  test(`the least any mechanism could hold: ${title}`, (t) => {
    const ideal = idealOf(planned(calls), [FUNCTION], 10_000);
    t.is(ideal?.boot_gib_s, 10);
    t.is(ideal?.with_keep_alive_gib_s, 10 + with_keep_alive);
    t.is(ideal?.without_keep_alive_gib_s, 10 + without);
  });
}

/** The same by looking at every instance at every arrival. */
function bruteForce(calls: readonly Call[], one: IdealFunction, window_ms: number): number {
  const living: { since_ms: number; free_ms: number }[] = [];
  const ended: { since_ms: number; until_ms: number }[] = [];
  for (const [at_ms, duration_ms] of calls.toSorted((a, b) => a[0] - b[0])) {
    const old = living.filter(({ free_ms }) => free_ms + one.keep_alive_ms <= at_ms);
    for (const instance of old) {
      living.splice(living.indexOf(instance), 1);
      ended.push({ ...instance, until_ms: instance.free_ms + one.keep_alive_ms });
    }
    const idle = living.filter((instance) => instance.free_ms <= at_ms);
    const warmest = idle.toSorted((a, b) => b.free_ms - a.free_ms)[0];
    const next = living.toSorted((a, b) => a.free_ms - b.free_ms)[0];
    const chosen = warmest ?? (living.length >= one.concurrency ? next : undefined);
    if (chosen) chosen.free_ms = Math.max(at_ms, chosen.free_ms) + duration_ms;
    else living.push({ since_ms: at_ms, free_ms: at_ms + duration_ms });
  }
  for (const instance of living) {
    ended.push({ ...instance, until_ms: instance.free_ms + one.keep_alive_ms });
  }
  const alive_ms = ended.reduce(
    (sum, { since_ms, until_ms }) => sum + Math.max(0, Math.min(window_ms, until_ms) - since_ms),
    0,
  );
  return (one.boot_bytes * window_ms + one.limit_bytes * alive_ms) / GIB / 1000;
}

test('the least is what looking at every instance at every arrival gives', async (t) => {
  const calls = fc.array(fc.tuple(fc.nat(9000), fc.nat(3000)), { maxLength: 40 });
  const bounds = fc.record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    keep_alive_ms: fc.nat(3000),
  });
  await holds(
    t,
    fc.property(calls, bounds, (list, bound) => {
      const one = { ...FUNCTION, ...bound };
      const ideal = idealOf(planned(list), [one], 10_000);
      const least = ideal?.with_keep_alive_gib_s ?? Number.NaN;
      const always = 10 * (1 + one.concurrency);
      return (
        Math.abs(least - (list.length === 0 ? 10 : bruteForce(list, one, 10_000))) < 1e-5 &&
        (ideal?.without_keep_alive_gib_s ?? Number.NaN) <= least + 1e-5 &&
        least <= always + 1e-5
      );
    }),
  );
});

test('a plan of a function that nobody deployed has no ideal', (t) => {
  t.is(idealOf(planned([[0, 1]]), [], 10), null);
});

test('how much of the possible was reached is told, and what most of it comes from', (t) => {
  const run = healthyRun();
  const summary = summaryOf(run);
  // 20 calls, one each 500 ms, keep one instance alive for 9.6 s + 2 s.
  t.is(summary.ideal?.with_keep_alive_gib_s, 20 + 11.6);
  t.is(summary.mechanisms[1]?.reached_of_ideal, Math.round((30 / 28.4) * 1e6) / 1e6);
  const text = renderTable(summary);
  t.regex(text, /could commit for this plan is 31\.6 GiB·s.*20\.0 of boot memory, 2\.0 of calls/);
  t.regex(text, /most of it comes from giving memory back after keep-alive at all/);
  t.notRegex(text, /What the mechanisms differ in/, 'one alone differs from nothing');
  t.regex(text, /More than 100 % of the possible saving/);
});

test('a folder that holds a part of the plan only has no ideal', (t) => {
  const run = healthyRun();
  run.invocations = run.invocations.filter((_, index) => index % 2 === 0);
  t.is(summaryOf(run).ideal, null);
});
