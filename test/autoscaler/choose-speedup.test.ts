/** Choosing a speed-up: by costs that were measured, within bounds, and as options say. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import {
  chooseSpeedup,
  type DemandPlan,
  greatestDemand,
  measuredFunctions,
  SPEEDUPS,
} from '../../autoscaler/replay/choose-speedup.ts';
import { dryRun, renderDryRun } from '../../autoscaler/replay/dry-run.ts';
import { parseReplayOptions, type ReplayOptions } from '../../autoscaler/replay/options.ts';
import type { SpeedupCosts, SpeedupMeasured } from '../../autoscaler/results/speedup-choice.ts';
import { rounded } from '../../base/statistics.ts';
import { MIB } from '../../base/units.ts';
import { holds } from '../seed.ts';
import { SAMPLE } from './replay-rig.ts';

interface TraceCall {
  readonly at_ms: number;
  readonly duration_ms: number;
  readonly cpu_ms: number;
}

const KEEP_ALIVE_MS = 120_000;

/** Calls of one function of a trace, so many times as fast. */
function planOf(calls: readonly TraceCall[], speedup: number): DemandPlan {
  const one = {
    name: 'f',
    rank: 1,
    app: 'a',
    func: 'f',
    invocations: calls.length,
    profile: 'p',
    peak_concurrency: 64,
    real: null,
    limit_bytes: 128 * MIB,
    anonymous_bytes: 0,
    file_bytes: 0,
    vcpus: 1,
    boot_bytes: 256 * MIB,
    concurrency: 64,
    keep_alive_ms: KEEP_ALIVE_MS / speedup,
  };
  const arrivals = calls.map(({ at_ms, duration_ms, cpu_ms }, index) => {
    const wall_ms = duration_ms / speedup;
    const work = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: cpu_ms / speedup, wall_ms };
    const task = { kind: 'emulated' as const, work };
    const invocation_id = `i${index}`;
    return { invocation_id, function: 'f', at_ms: at_ms / speedup, duration_ms: wall_ms, task };
  });
  return { functions: [one], arrivals };
}

function measuredAs(costs: Partial<SpeedupCosts>, host: Partial<SpeedupMeasured> = {}) {
  const none = {
    mechanism: 'm',
    function: 'f',
    limit_bytes: 1,
    call_cpu_ms: 0,
    start_cpu_ms: 0,
    compute_factor: 1,
    calls: 12,
  };
  const measured: SpeedupMeasured = {
    took_ms: 1,
    cpus_left: 2,
    idle_cpus_per_vm: 0,
    costs: [{ ...none, ...costs }],
    ...host,
  };
  return measured;
}

/** One call a minute for an hour, each of a second. */
const STEADY = Array.from({ length: 60 }, (_, index) => ({
  at_ms: index * 60_000,
  duration_ms: 1_000,
  cpu_ms: 0,
}));
const chosen = (measured: SpeedupMeasured, calls: readonly TraceCall[] = STEADY): number | null =>
  chooseSpeedup((speedup) => planOf(calls, speedup), measured, null, [1, 10, 50, 100, 200])
    ?.speedup ?? null;

test('the greatest speed-up is taken whose busiest part asks for 60 % of what is left', (t) => {
  // Parts are of 30, 32.2, 35.4, 35.4 and 17.7 s, and the busiest has 1, 6, 30, 60 and 60 calls.
  const table: [string, Partial<SpeedupCosts>, Partial<SpeedupMeasured>, number | null][] = [
    ['costs nothing', {}, {}, 200],
    ['60 calls of 354 ms are 59.99 %', { call_cpu_ms: 354 }, {}, 200],
    ['60 calls of 355 ms are 60.2 %', { call_cpu_ms: 355 }, {}, 100],
    ['60 calls of 709 ms in 35.4 s are 60.1 %', { call_cpu_ms: 709 }, {}, 50],
    ['30 calls of 1,417 ms are 60.03 %', { call_cpu_ms: 1_417 }, {}, 10],
    ['6 calls of 6,439 ms are 60.01 %', { call_cpu_ms: 6_439 }, {}, 1],
    ['one call is 36,100 ms', { call_cpu_ms: 36_100 }, {}, null],
    ['half of the host is taken', { call_cpu_ms: 354 }, { cpus_left: 1 }, 100],
    ['nothing is left', { call_cpu_ms: 1 }, { cpus_left: 0 }, null],
    ['VMs at rest take all of it', {}, { idle_cpus_per_vm: 1.3 }, null],
    ['one start, and every call finds it', { start_cpu_ms: 21_000 }, {}, 200],
  ];
  for (const [why, costs, host, speedup] of table) {
    t.is(chosen(measuredAs(costs, host)), speedup, why);
  }
});

test('the mechanism to which the trace is dearest decides', (t) => {
  const [cheap] = measuredAs({ mechanism: 'cheap' }).costs;
  const [dear] = measuredAs({ mechanism: 'dear', call_cpu_ms: 700 }).costs;
  assert(cheap && dear);
  for (const costs of [
    [cheap, dear],
    [dear, cheap],
  ]) {
    const choice = chooseSpeedup(
      (s) => planOf(STEADY, s),
      measuredAs({}, { costs }),
      null,
      [1, 50, 200],
    );
    t.is(choice?.speedup, 50);
    const { mechanism, calls: n, starts } = choice?.demand ?? {};
    t.deepEqual({ mechanism, n, starts }, { mechanism: 'dear', n: 30, starts: 1 });
  }
});

test('what a call computes is spread over the time in which it does', (t) => {
  const long = [{ at_ms: 2_000, duration_ms: 120_000, cpu_ms: 45_000 }];
  const demand = greatestDemand(planOf(long, 1), measuredAs({ compute_factor: 1.1 }));
  t.is(rounded(demand.share), 0.55, 'one of two CPUs for half a minute');
  t.is(demand.at_ms, 0, 'times count from the first arrival');
});

test('a function costs what its memory says, between the two that were measured', (t) => {
  const costs = measuredAs({}).costs.flatMap((one) => [
    { ...one, limit_bytes: 64 * MIB, call_cpu_ms: 100, start_cpu_ms: 0 },
    { ...one, limit_bytes: 192 * MIB, call_cpu_ms: 300, start_cpu_ms: 4_000 },
  ]);
  const plan = planOf([{ at_ms: 0, duration_ms: 10_000, cpu_ms: 0 }], 1);
  const shareAt = (limit_bytes: number): number => {
    const functions = plan.functions.map((one) => ({ ...one, limit_bytes }));
    return rounded(greatestDemand({ ...plan, functions }, measuredAs({}, { costs })).share);
  };
  const shares = [32, 64, 128, 192, 512].map((mib) => shareAt(mib * MIB));
  t.deepEqual(shares, [0.005, 0.005, 0.11, 0.215, 0.215], 'beyond them nothing is guessed');
});

const measuredOf = (...sizes_mib: readonly number[]): readonly number[] =>
  measuredFunctions(sizes_mib.map((mib) => ({ limit_bytes: mib * MIB }))).map(
    ({ limit_bytes }) => limit_bytes / MIB,
  );

test('of sizes no more than twice apart the larger is measured for all', (t) => {
  t.deepEqual(measuredOf(128), [128]);
  t.deepEqual(measuredOf(128, 256, 128), [256]);
  t.deepEqual(measuredOf(128, 384, 256), [128, 384]);
});

const cost = fc.double({ min: 0, max: 500, noNaN: true });
const calls = fc.array(
  fc.record({
    at_ms: fc.integer({ min: 0, max: 3_600_000 }),
    duration_ms: fc.integer({ min: 0, max: 100_000 }),
    cpu_ms: fc.integer({ min: 0, max: 20_000 }),
  }),
  { minLength: 1, maxLength: 60 },
);
const costs = fc.record({ call_cpu_ms: cost, start_cpu_ms: cost });
const grown = fc.record({
  call_cpu_ms: cost,
  start_cpu_ms: cost,
  idle: fc.double({ min: 0, max: 1, noNaN: true }),
});

test('never is one chosen that asks for more, and none that is greater would do', async (t) => {
  await holds(
    t,
    fc.property(calls, costs, (trace, one) => {
      const measured = measuredAs(one);
      const choice = chooseSpeedup((s) => planOf(trace, s), measured);
      const shares = SPEEDUPS.map((s) => greatestDemand(planOf(trace, s), measured).share);
      const greatest = SPEEDUPS.filter((_, index) => (shares[index] ?? 1) <= 0.6).at(-1);
      return (choice?.speedup ?? undefined) === greatest && (choice?.demand.share ?? 0) <= 0.6;
    }),
  );
});

test('what costs more is never replayed faster', async (t) => {
  await holds(
    t,
    fc.property(calls, costs, grown, (trace, one, more) => {
      const at = (s: number): DemandPlan => planOf(trace, s);
      const cheap = chooseSpeedup(at, measuredAs(one));
      const dear = chooseSpeedup(
        at,
        measuredAs(
          {
            call_cpu_ms: one.call_cpu_ms + more.call_cpu_ms,
            start_cpu_ms: one.start_cpu_ms + more.start_cpu_ms,
          },
          { idle_cpus_per_vm: more.idle },
        ),
      );
      return (dear?.speedup ?? 0) <= (cheap?.speedup ?? 0);
    }),
  );
});

const steadyAt = (speedup: number): DemandPlan => planOf(STEADY, speedup);
const within = (call_cpu_ms: number, least: number, most: number) =>
  chooseSpeedup(steadyAt, measuredAs({ call_cpu_ms }), { least, most }, [1, 10, 50, 100, 200]);

test('between bounds one is taken always, and the least where that is too much', (t) => {
  t.is(within(0, 15, 60)?.speedup, 60, 'never more than the most');
  t.is(within(709, 15, 200)?.speedup, 50, 'as without bounds where they allow it');
  const forced = within(36_100, 15, 60);
  t.is(forced?.speedup, 15);
  t.true((forced?.demand.share ?? 0) > 0.6, 'what it asks for is told as it is');
  t.is(within(0, 50, 50)?.speedup, 50);
});

const parsed = (speedup: string): ReplayOptions =>
  parseReplayOptions({ trace: SAMPLE, out: 'out', speedup });

test('bounds are two numbers, the lower one first', (t) => {
  t.deepEqual(parsed('auto:15-60').speedup_bounds, { least: 15, most: 60 });
  t.is(parsed('auto').speedup_bounds, null);
  for (const wrong of [
    'auto:60-15',
    'auto:0-15',
    'auto:1.2.3-4',
    'auto:1-1e9',
    'auto:5',
    'auto:',
  ]) {
    t.throws(() => parsed(wrong), { message: /--speedup/ }, wrong);
  }
});

test('a dry run says what a run would measure', (t) => {
  const plan = { ...planOf(STEADY, 1), window_ms: 1, warm_up: { ms: 0, invocations: 0 } };
  const asked = { mechanisms: ['static', 'hotmem'], rounds: 1, failures: [] };
  const open = dryRun(plan, { ...asked, is_speedup_open: true });
  t.deepEqual(open.would_measure, { functions: ['f'], mechanisms: ['static', 'hotmem'] });
  t.regex(renderDryRun(open, false), /a run first measures calls and starts of f, on a VM each/);
  t.notRegex(renderDryRun(dryRun(plan, asked), false), /auto/);
  const bounded = { ...asked, is_speedup_open: true, speedup_bounds: { least: 15, most: 60 } };
  t.regex(renderDryRun(dryRun(plan, bounded), false), /greatest speed-up from 15 to 60 whose/);
});

test('the sizes of real programs follow from a speed-up that is said', (t) => {
  const raw = { trace: SAMPLE, out: 'out', speedup: 'auto', work: 'real' };
  t.throws(() => parseReplayOptions(raw), {
    message: /--speedup auto: the sizes of real programs/,
  });
});
