/** Calls of DAGs on a virtual host: by hand, against the reference engine, in all ways. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { renderSlackChart, slackCsv } from '../../../autoscaler/simulator/dags/slack-chart.ts';
import { z } from 'zod';
import { MIB } from '../../../base/units.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../../../autoscaler/policy/fixed-keep-alive.ts';
import { dagArms } from '../../../autoscaler/simulator/dags/arms.ts';
import { busyGibS, dagFigures, hopelessCalls } from '../../../autoscaler/simulator/dags/figures.ts';
import { playDags } from '../../../autoscaler/simulator/dags/player.ts';
import { MECHANISM_MODELS } from '../../../autoscaler/simulator/mechanism-models.ts';
import { playReference } from '../../../autoscaler/simulator/reference-engine.ts';
import type { SimCosts } from '../../../autoscaler/simulator/workload.ts';
import { ColumnsBuilder } from '../../../autoscaler/trace/columns.ts';
import type { DagArrival, DagTrace } from '../../../autoscaler/trace/dags/dag-trace.ts';
import { generateDags } from '../../../autoscaler/trace/dags/generate-dags.ts';
import { runLine } from '../../cli/run-line.ts';

const hotmem = MECHANISM_MODELS.get('hotmem');
if (!hotmem) throw new Error('the model is there');
const COSTS: SimCosts = { mechanism: hotmem, start_ms: 300, stop_ms: 10 };
const HOUR_MS = 3_600_000;
const armsOf = (keep_alive_s: number, ready_s = 3_600) =>
  dagArms(keep_alive_s * 1e3, ready_s * 1e3);
const armOf = (name: string, keep_alive_s: number) => {
  const arm = armsOf(keep_alive_s).find((one) => one.name === name);
  if (!arm) throw new Error(`no way ${name}`);
  return arm;
};
const REACTIVE = 'first come first served, reactive';
const ALL = 'all, and standing ready';

function traceOf(dags: readonly DagSpec[], calls: readonly DagArrival[]): DagTrace {
  const names = new Set(dags.flatMap(({ stages }) => stages.map((stage) => stage.function)));
  const functions = [...names].map((name) => ({ name, memory_bytes: 128 * MIB, mean_ms: 100 }));
  const head = { format: 'hotplane-dags/1', kind: 'recorded', made_of: {} } as const;
  return { head: { ...head, window_ms: HOUR_MS }, functions, dags, calls };
}

function chain(deadline_ms: number, count: number): DagSpec {
  const stages = Array.from({ length: count }, (_, at) => {
    return { name: `s${at}`, function: `f${at}`, payload_json: null };
  });
  const edges = stages.slice(1).map(({ name }, at) => ({ from: `s${at}`, to: name }));
  return { name: 'd', deadline_ms, stages, edges, ready_ms: null };
}

test('a chain of three cold stages waits for three starts, foreseen for one, and ready for none', (t) => {
  const trace = traceOf([chain(400, 3)], [{ dag: 0, at_ms: 10_000, run_ms: [100, 100, 100] }]);
  const tookOf = (name: string): (number | null)[] =>
    playDags(trace, COSTS, Infinity, armOf(name, 600)).calls.map(({ took_ms }) => took_ms);
  t.deepEqual(tookOf(REACTIVE), [1_200]);
  t.deepEqual(tookOf('least slack first'), [1_200]);
  t.deepEqual(tookOf('stages foreseen'), [600], 'the first is cold, the others start with it');
  t.deepEqual(tookOf(ALL), [300]);
});

test('where the deadline has time for a start none stands ready, and it is met cold', (t) => {
  const calls = [10_000, 1_000_000, 2_000_000].map((at_ms) => {
    return { dag: 0, at_ms, run_ms: [1_000, 1_000] };
  });
  const trace = traceOf([chain(3_000, 2)], calls);
  const { calls: played } = playDags(trace, COSTS, Infinity, armOf(ALL, 60));
  // Of the first nothing is known, so all stands ready for it; that is given back.
  t.deepEqual(
    played.map(({ took_ms, cold_stages }) => [took_ms, cold_stages]),
    [
      [2_000, 0],
      [2_300, 1],
      [2_300, 1],
    ],
  );
});

test('where deadlines went is told in parts of them, of calls that met and of those that missed', (t) => {
  const warm_again = [10_000, 20_000].map((at_ms) => ({ dag: 0, at_ms, run_ms: [100, 100, 100] }));
  const trace = traceOf([chain(400, 3)], warm_again);
  const of = (calls: DagTrace['calls']) =>
    dagFigures(
      REACTIVE,
      trace,
      playDags({ ...trace, calls }, COSTS, Infinity, armOf(REACTIVE, 600)),
      0,
    );
  const both = of(warm_again);
  t.like(both, { met: 1, missed: 1 });
  t.deepEqual(both.slack.met, { wait: 0, permit: 0, plug: 0, start: 0, run: 0.75 });
  // Three starts of 300 ms, 40 of them its plug each, and 300 ms of work within 400.
  const missed = { wait: 0, permit: 0, plug: 0.3, start: 1.95, run: 0.75 };
  t.deepEqual(both.slack.missed, missed);
  t.is(of(warm_again.slice(0, 1)).slack.met, null);
  const [svg, csv] = [renderSlackChart([both]), slackCsv([both])];
  t.true(svg.includes(`${REACTIVE}: 1 met, 1 missed`));
  t.is(csv.split('\n')[1], `"${REACTIVE}",met,0.75,0,0,0,0`);
});

test('side by side stages end with the longest, and what is refused fails its call', (t) => {
  const stages = [0, 1].map((at) => ({ name: `s${at}`, function: `f${at}`, payload_json: null }));
  const dag = { name: 'd', deadline_ms: 500, stages, edges: [], ready_ms: null };
  const trace = traceOf([dag], [{ dag: 0, at_ms: 1_000, run_ms: [50, 400] }]);
  const [both] = playDags(trace, COSTS, Infinity, armOf(REACTIVE, 600)).calls;
  t.like(both, { took_ms: 700, cold_stages: 2 });
  t.is(both?.spent.start_ms, 260, 'beside its plug of 40 ms');
  const [none] = playDags(trace, COSTS, 64 * MIB, armOf(REACTIVE, 600)).calls;
  t.is(none?.took_ms, null);
});

test('DAGs of one stage are plain invocations: the reference engine decides the same', (t) => {
  const options = { seed: 5, dags: 12, hours: 1, slack: 1.5, spread: 0.3, longest_ms: 5_000 };
  const made = generateDags({ ...options, least_calls_a_day: 500, most_calls_a_day: 9_000 });
  const dags = made.dags.map((dag) => ({ ...dag, stages: dag.stages.slice(0, 1), edges: [] }));
  const calls = made.calls.map(({ run_ms, ...call }) => ({ ...call, run_ms: run_ms.slice(0, 1) }));
  const trace: DagTrace = { ...made, dags, calls };
  const { calls: played, starts } = playDags(trace, COSTS, Infinity, armOf(REACTIVE, 60));
  const builder = new ColumnsBuilder();
  for (const { dag, at_ms, run_ms } of calls) builder.add(dag, at_ms, run_ms[0] ?? 0);
  const functions = dags.map(({ stages: [first] }) => {
    const name = first?.function ?? '';
    const limit_bytes = made.functions.find((one) => one.name === name)?.memory_bytes ?? 0;
    return {
      name,
      app: name,
      func: name,
      limit_bytes,
      region_bytes: limit_bytes,
      concurrency: 256,
    };
  });
  const workload = { functions, invocations: builder.inOrder(), window_ms: made.head.window_ms };
  const reference = playReference(workload, COSTS, {
    policy: FIXED_KEEP_ALIVE_POLICY,
    keep_alive_ms: 60_000,
    limit_bytes: Infinity,
    when_short: 'wait',
  });
  t.true(calls.length > 500);
  t.is(starts, reference.starts);
  for (const [at, { took_ms }] of played.entries()) {
    const wait_ms = (took_ms ?? 0) - (calls[at]?.run_ms[0] ?? 0);
    t.true(Math.abs(wait_ms - (reference.waits_ms[at] ?? 0)) < 1e-6, `call ${at}`);
  }
});

/** What is looked at of dags.json. */
const told = z.looseObject({
  runs: z.array(
    z.looseObject({
      calls: z.number(),
      met: z.number(),
      missed: z.number(),
      failed: z.number(),
      met_share: z.looseObject({ value: z.number() }),
      within: z.array(z.object({ ratio: z.number(), share: z.number() })),
    }),
  ),
});

test('figures are of the calls after the warm-up, and what no way can serve is counted apart', (t) => {
  const calls = [
    { dag: 0, at_ms: 1_000, run_ms: [100, 100] },
    { dag: 0, at_ms: 20_000, run_ms: [100, 100] },
    { dag: 0, at_ms: 40_000, run_ms: [100, 400] },
  ];
  const trace = traceOf([chain(450, 2)], calls);
  const played = playDags(trace, COSTS, Infinity, armOf(REACTIVE, 600));
  const of = (warm_up_ms: number) => dagFigures('x', trace, played, warm_up_ms);
  t.like(of(0), { calls: 3, met: 1, missed: 2, failed: 0, cold_stages: 2 });
  const after = of(10_000);
  t.like(after, { calls: 2, met: 1, missed: 1, cold_stages: 0 });
  t.like(after.missed_spent, { wait_ms: 0, start_ms: 0, run_ms: 500 });
  t.is(after.within.find(({ ratio }) => ratio === 0.45)?.share, 0.5, '200 of 450 ms');
  t.is(of(50_000).missed_spent, null);
  t.is(hopelessCalls(trace, 0), 1);
  t.is(hopelessCalls(trace, 50_000), 0);
  t.is(busyGibS(trace), (0.9 * 128) / 1_024);
});

test('a function that more calls want at a time than were planned has as many regions', (t) => {
  // Each runs for a moment, and waits so long for its start that all are there at once.
  const calls = Array.from({ length: 40 }, (_, at) => ({ dag: 0, at_ms: at * 5, run_ms: [1] }));
  const trace = traceOf([chain(400, 1)], calls);
  t.is(
    playDags(trace, COSTS, Infinity, armOf(REACTIVE, 600)).starts,
    40,
    'one for each that waits',
  );
});

test('all ways over a made trace: what the agent does meets most, and the folder says so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-dags-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const made = '--dags 30 --hours 4 --seed 3 --calls-a-day 300-3000';
  const { code, out } = await runLine(`simulate dags ${made} --out ${folder}/told`);
  t.is(code, 0);
  t.regex(out, /^SIMULATED: nothing here was measured\.\n/);
  const text = await readFile(join(folder, 'told', 'dags.json'), 'utf8');
  const { runs } = told.parse(JSON.parse(text));
  const [reactive, kept] = runs;
  const last = runs.at(-1);
  t.true(runs.every(({ met, missed, failed, calls }) => met + missed + failed === calls));
  t.true((last?.met_share.value ?? 0) >= 0.985, JSON.stringify(last?.met_share));
  t.true((reactive?.met_share.value ?? 1) < 0.97, 'else the trace says nothing');
  t.true((last?.missed ?? 1) * 2 < (kept?.missed ?? 0), 'half as many as who keeps all as long');
  t.true(last?.within.every(({ share }, at, all) => share >= (all[at - 1]?.share ?? 0)));
  t.is(last?.within.find(({ ratio }) => ratio === 1)?.share, last?.met_share.value);
  const csv = await readFile(join(folder, 'told', 'deadlines.csv'), 'utf8');
  t.is(csv.trim().split('\n').length, 82);
  const again = await runLine(`simulate dags ${made} --json`);
  t.deepEqual(told.parse(JSON.parse(again.out)).runs, runs, 'the same seed, the same figures');
  t.regex((await runLine(`simulate dags ${made} --out ${folder}/told`)).err, /HP_RESULTS_EXIST/);
  t.regex((await runLine(`simulate dags ${made} --warm-up 80000`)).err, /--warm-up leaves no call/);
  t.regex((await runLine(`simulate dags ${made} --mechanism x`)).err, /--mechanism is one of/);
});
