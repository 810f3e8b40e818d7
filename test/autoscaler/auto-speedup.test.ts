/** --speedup auto: how a speed-up is chosen by costs, how those are measured, and what is told. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { workOf } from '../../agent/model/work.ts';
import type { InvokeRequest } from '../../autoscaler/replay/agent-api.ts';
import {
  chooseSpeedup,
  type DemandPlan,
  greatestDemand,
  SPEEDUPS,
} from '../../autoscaler/replay/choose-speedup.ts';
import { dryRun, renderDryRun } from '../../autoscaler/replay/dry-run.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import type { SpeedupCosts, SpeedupMeasured } from '../../autoscaler/results/speedup-choice.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { rounded } from '../../base/statistics.ts';
import { MIB } from '../../base/units.ts';
import { holds } from '../seed.ts';
import type { FakeAgentOptions } from './fake-agent.ts';
import { type Rig, rig, SAMPLE } from './replay-rig.ts';

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
  chooseSpeedup((speedup) => planOf(calls, speedup), measured, [1, 10, 50, 100, 200])?.speedup ??
  null;

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
    const choice = chooseSpeedup((s) => planOf(STEADY, s), measuredAs({}, { costs }), [1, 50, 200]);
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

/** CPU time of the fake host, two CPUs: of a call, of a start, and as much as calls compute. */
const CALL_CPU_MS = 20;
const START_CPU_MS = 90;

/** Each call takes as long as its CPU time at least. */
const wallMs = ({ payload }: InvokeRequest): number =>
  (workOf({ bytes: payload })?.wall_ms ?? 0) + CALL_CPU_MS;

function measuredRig(
  t: ExecutionContext,
  extra: Record<string, string> = {},
  fake: Partial<FakeAgentOptions> = {},
  own = true,
): Rig {
  const slower = { wallMs, ...fake };
  const made = rig(t, slower, { speedup: 'auto', mechanism: 'static,hotmem', ...extra }, true, {
    lookAtLoad: () => {
      const { agent, clock } = made;
      const computed_ms = agent.invoked.reduce(
        (sum, { payload }) => sum + (workOf({ bytes: payload })?.cpu_ms ?? 0),
        0,
      );
      const used_ms =
        agent.invoked.length * CALL_CPU_MS + agent.starts * START_CPU_MS + computed_ms;
      const now_ms = clock.nowMs();
      return {
        at_ms: now_ms,
        // Others take a tenth of it.
        cpu: { total: 2 * now_ms, idle: 1.8 * now_ms - used_ms, steal: 0 },
        own_ticks: own ? used_ms : null,
        psi_cpu_some_us: null,
        psi_memory_some_us: null,
        mem_available_bytes: null,
        event_loop_lag_ms: null,
      };
    },
  });
  return made;
}

const calibrated = ({ agent }: Rig): number =>
  agent.deployed.filter(({ name }) => name.startsWith('calibrate-')).length;

test('costs are measured under each mechanism before the run, told, and kept', async (t) => {
  const made = measuredRig(t);
  const summary = await made.run();
  const { manifest } = await readResults(made.out);
  const { speedup_choice: choice } = manifest;
  assert(choice);
  t.is(calibrated(made), 4);
  t.is(made.closed(), 2, 'the agent of the calibration ended before that of the run');
  t.deepEqual(
    choice.measured.costs.map(({ mechanism, calls: n }) => [mechanism, n]),
    // 2 starts, one more, 15 calls of 20 ms until 0.3 s are over, one that computes.
    [
      ['static', 19],
      ['static', 19],
      ['hotmem', 19],
      ['hotmem', 19],
    ],
  );
  for (const one of choice.measured.costs) {
    t.true(Math.abs(one.call_cpu_ms - CALL_CPU_MS) < 1, `${one.call_cpu_ms} ms a call`);
    t.true(Math.abs(one.start_cpu_ms - START_CPU_MS) < 1, `${one.start_cpu_ms} ms a start`);
    t.true(Math.abs(one.compute_factor - 1) < 0.01, `${one.compute_factor} for computing`);
  }
  t.true(Math.abs(choice.measured.cpus_left - 1.8) < 0.01);
  t.true(choice.demand.share <= 0.6);
  t.is(manifest.trace.speedup, choice.speedup);
  t.is(manifest.options?.['speedup'], String(choice.speedup));
  t.deepEqual(summary.speedup_choice, choice);
  const told = `speed-up ${choice.speedup} was chosen: its busiest `;
  t.true(made.notes.some((note) => note.startsWith(told)));
  t.true(renderTable(summary).includes(`By --speedup auto: ${told}`));
});

test('a repeated run keeps what was chosen, unless it is asked to choose', async (t) => {
  const made = measuredRig(t);
  await made.run();
  const { manifest } = await readResults(made.out);
  const again = await made.repeat(made.out);
  t.is(calibrated(made), 4);
  t.deepEqual(again.manifest.speedup_choice, manifest.speedup_choice);
  t.deepEqual(again.manifest.repeat_of?.differences, []);
  const said = await measuredRepeat(t, { speedup: '7' });
  t.is(said.speedup_choice, null);
  t.is(said.trace.speedup, 7);
  t.not((await measuredRepeat(t, { speedup: 'auto' })).speedup_choice, null);
});

async function measuredRepeat(t: ExecutionContext, given: Record<string, string>) {
  const made = measuredRig(t);
  await made.run();
  return (await made.repeat(made.out, given)).manifest;
}

test('all rounds have one speed-up, and rounds that go on have the one that is there', async (t) => {
  const made = measuredRig(t);
  await made.runRounds(2);
  t.is(calibrated(made), 4);
  await made.runRounds(3);
  t.is(calibrated(made), 4);
  t.true(made.notes.some((note) => note.endsWith('kept from the rounds that are there')));
  const choices = [1, 2, 3].map(
    async (round) => (await readResults(`${made.out}/round-${round}`)).manifest.speedup_choice,
  );
  const [first, second, third] = await Promise.all(choices);
  t.truthy(first);
  t.deepEqual([second, third], [first, first]);
});

async function refusedWith(t: ExecutionContext, made: Rig, pattern: RegExp): Promise<void> {
  const error = await made.run().then(
    () => null,
    (problem: unknown) => problem,
  );
  assert(isHotplaneError(error));
  t.is(error.code, 'HP_REPLAY_SPEEDUP');
  t.regex(error.message, pattern);
  t.is(made.closed(), 1);
  t.deepEqual(
    made.agent.removed.toSorted(),
    made.agent.deployed.map(({ name }) => name).toSorted(),
  );
  t.true(existsSync(dirname(made.out)));
  t.false(existsSync(made.out), 'nothing is left behind');
}

test('a call that is refused is no calibration', async (t) => {
  const made = measuredRig(t, {}, { refuse: (name) => name.startsWith('calibrate-hotmem') });
  await refusedWith(t, made, /hotmem: a call was refused: host is full/);
});

test('memory that does not come back is no calibration', async (t) => {
  const made = measuredRig(t, {}, { stuck_bytes: 2 * MIB });
  await refusedWith(t, made, /hotmem: its memory did not come back/);
});

test('a calibration ends, however slow the host is', async (t) => {
  await refusedWith(t, measuredRig(t, {}, { wallMs: () => 50_000 }), /it took more than 2 min/);
});

test('without the CPU time of its processes nothing is guessed', async (t) => {
  await refusedWith(t, measuredRig(t, {}, {}, false), /CPU time of agent and VMMs is not known/);
});

test('a host that cannot carry the trace at its own speed says what it would need', async (t) => {
  const made = measuredRig(t, { 'cpu-share': '1', 'duration-scale': '1000' });
  await refusedWith(t, made, /even at the trace's own speed its busiest .* of the CPU left/);
});

test('an interrupted calibration is an interrupted replay', async (t) => {
  const made = measuredRig(t, {}, { onInvoke: (count) => count === 5 && made.abort.abort() });
  const error = await made.run().then(
    () => null,
    (problem: unknown) => problem,
  );
  t.is(isHotplaneError(error) && error.code, 'HP_REPLAY_INTERRUPTED');
  t.false(existsSync(made.out));
});

test('a dry run says what a run would measure', (t) => {
  const plan = { ...planOf(STEADY, 1), window_ms: 1, warm_up: { ms: 0, invocations: 0 } };
  const asked = { mechanisms: ['static', 'hotmem'], rounds: 1, failures: [] };
  const open = dryRun(plan, { ...asked, is_speedup_open: true });
  t.deepEqual(open.would_measure, { functions: ['f'], mechanisms: ['static', 'hotmem'] });
  t.regex(renderDryRun(open, false), /a run first measures calls and starts of f, on a VM each/);
  t.notRegex(renderDryRun(dryRun(plan, asked), false), /auto/);
});

test('the sizes of real programs follow from a speed-up that is said', (t) => {
  const raw = { trace: SAMPLE, out: 'out', speedup: 'auto', work: 'real' };
  t.throws(() => parseReplayOptions(raw), {
    message: /--speedup auto: the sizes of real programs/,
  });
});
