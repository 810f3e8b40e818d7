/** `bench core`: that it measures what it says, compares two cores, and judges as promised. */
import test from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { silentProgress } from '../../base/progress.ts';
import { runCoreBenchCommand } from '../../bench/core/command.ts';
import { coreOf, ownCore } from '../../bench/core/core-under-test.ts';
import { measureSteps } from '../../bench/core/measure.ts';
import { type Case, SHORT_OPTIONS, turnsOf, USUAL_OPTIONS } from '../../bench/core/plan.ts';
import { record } from '../../bench/core/recorded-host.ts';
import type { CoreBench, CoreReport, CoreRun } from '../../bench/core/records.ts';
import { runCoreBench } from '../../bench/core/run.ts';
import { reportOf } from '../../bench/core/summary.ts';
import { renderText } from '../../bench/core/table.ts';

function commandWith(part: Partial<Parameters<typeof runCoreBenchCommand>[0]>) {
  const text: string[] = [];
  const input = {
    rounds: undefined,
    against: undefined,
    short: true,
    strict: false,
    json: true,
    hotplane_version: 'test',
    stdout: { write: (one: string) => text.push(one) },
    stderr: { write: () => undefined },
    signal: new AbortController().signal,
    ...part,
  };
  return { text, run: () => runCoreBenchCommand(input) };
}

test('a short run measures every case in every round, on both cores', async (t) => {
  const { text, run } = commandWith({ against: PROJECT_ROOT, rounds: '2' });
  t.is(await run(), 0);
  const bench: CoreBench & CoreReport = JSON.parse(text.join(''));
  t.is(bench.rounds, 2);
  t.is(bench.runs.length, SHORT_OPTIONS.cases.length * 2 * 2);
  for (const { us_per_step, steps } of bench.runs) t.true(us_per_step > 0 && steps > 100);
  t.deepEqual(
    bench.rows.map(({ us_per_step, gain }) => [us_per_step.length, gain?.n]),
    SHORT_OPTIONS.cases.map(() => [2, [2, 2]]),
  );
  t.deepEqual(
    bench.checks.map(({ name }) => name),
    ['core_step_4'],
  );
});

for (const [part, option] of [
  [{ rounds: '0' }, 'rounds'],
  [{ rounds: 'many' }, 'rounds'],
  [{ against: '/nowhere' }, 'against'],
] as const) {
  test(`${JSON.stringify(part)} is refused before anything is measured`, async (t) => {
    const error = await t.throwsAsync(commandWith(part).run());
    t.like(error, { code: 'HP_BENCH_OPTION', category: 'usage', details: { option } });
  });
}

test('a signal ends it between two figures', async (t) => {
  const stop = new AbortController();
  stop.abort();
  const run = commandWith({ signal: stop.signal }).run();
  t.like(await t.throwsAsync(run), { code: 'HP_BENCH_INTERRUPTED' });
});

test('no further round is begun when the time is over, and the run says how many it has', async (t) => {
  const bench = await runCoreBench({
    options: { ...SHORT_OPTIONS, rounds: 50, budget_ms: 0 },
    cores: [ownCore()],
    hotplane_version: 'test',
    progress: silentProgress,
    signal: new AbortController().signal,
  });
  t.is(bench.rounds, 1);
  t.is(bench.runs.length, SHORT_OPTIONS.cases.length);
});

test('cores take turns at every case, and every second round runs backwards', (t) => {
  const [first, second] = SHORT_OPTIONS.cases;
  const cases = [first, second].filter((one) => one !== undefined);
  const forth = turnsOf(cases, 2, 0);
  t.deepEqual(
    forth.map(({ of, core }) => [of, core]),
    cases.flatMap((of) => [
      [of, 0],
      [of, 1],
    ]),
  );
  t.deepEqual(turnsOf(cases, 2, 1), forth.toReversed());
});

const CYCLE: Case = { kind: 'cycle', vms: 4, queued: 0 };

test('the workload plugs, serves cold and warm, keeps alive, stops and unplugs', (t) => {
  const { steps } = record(ownCore(), CYCLE);
  const counts: Record<string, number> = {};
  for (const { event } of steps) counts[event.type] = (counts[event.type] ?? 0) + 1;
  // One tick stops the three that are too old by then.
  t.deepEqual(counts, {
    invoke: 240,
    resized: 240,
    'instance-started': 120,
    'invocation-finished': 240,
    tick: 40,
    'instance-stopped': 120,
  });
});

test('a queue is as long at the end of the workload as at its beginning', (t) => {
  const { steps } = record(ownCore(), { kind: 'queue', vms: 1, queued: 50 });
  const count = (type: string): number => steps.filter(({ event }) => event.type === type).length;
  t.true(count('invoke') > 50);
  t.is(count('invocation-finished'), count('invoke'));
});

test('a core that does other things the second time is told so, not measured', async (t) => {
  const core = await coreOf(PROJECT_ROOT);
  const recording = record(core, CYCLE);
  t.true(measureSteps(core, recording, 1).us_per_step > 0);
  const silent: typeof core.step = (...args) => ({ ...core.step(...args), actions: [] });
  const forgetful = { ...core, step: silent };
  t.throws(() => measureSteps(forgetful, recording, 1), { code: 'HP_BENCH_CORE' });
});

test('a core that refuses a part of the workload is told so', (t) => {
  const core = ownCore();
  const poor = { ...core, emptyHost: () => core.emptyHost(1) };
  t.throws(() => record(poor, CYCLE), { code: 'HP_BENCH_CORE', message: /HP_AGENT_/ });
});

/** A run in which every step of a case took `us` of its case. */
function benchOf(us: (of: Case, core: number) => number, cores = ['this core']): CoreBench {
  const rounds = [0, 1, 2];
  const runs: CoreRun[] = rounds.flatMap((round) =>
    turnsOf(USUAL_OPTIONS.cases, cores.length, round).map(({ of, core }) => ({
      of,
      core,
      round,
      us_per_step: us(of, core) + round / 100,
      steps: 1_000,
    })),
  );
  return {
    format: 'hotplane-bench-core/1',
    hotplane_version: 'test',
    node_version: 'v24',
    started_at: '',
    host: { cpu: 'test', cpus: 1 },
    options: USUAL_OPTIONS,
    cores,
    rounds: rounds.length,
    runs,
  };
}

function verdicts(bench: CoreBench): Record<string, string> {
  return Object.fromEntries(reportOf(bench).checks.map(({ name, verdict }) => [name, verdict]));
}

test('steps are judged by the size of the host, and queues by what they add', (t) => {
  t.deepEqual(verdicts(benchOf(() => 4)), {
    core_step_4: 'met',
    core_step_256: 'met',
    core_queue_growth: 'met',
  });
  const slow = benchOf(({ vms, queued }) => (vms === 4 ? 6 : 9) + queued / 1_000);
  t.deepEqual(verdicts(slow), {
    core_step_4: 'missed',
    core_step_256: 'missed',
    core_queue_growth: 'missed',
  });
});

test('beside another core the table says how many times faster this one is', (t) => {
  const bench = benchOf((_of, core) => (core === 0 ? 4 : 8), ['this core', '../before']);
  const report = reportOf(bench);
  for (const { gain } of report.rows) t.like(gain, { ratio: 1.997506 });
  const text = renderText(bench, report);
  t.regex(text, /microseconds of CPU for a step +this core +\.\.\/before +gain\n/);
  t.regex(text, /1000 VMs of 24 regions +4\.01 \[4-4\.02\] +8\.01 \[8-8\.02\] +2x/);
});
