/** Traces of DAGs: as published, the same for a seed, and what is wrong in a file is told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { codeOf } from '../../../base/system-error.ts';
import { dagTrouble } from '../../../agent/model/dag.ts';
import { distanceToTable } from '../../../autoscaler/trace/quantiles.ts';
import { type DagTrace, dagTraceLines } from '../../../autoscaler/trace/dags/dag-trace.ts';
import {
  generateDags,
  type GenerateDagsOptions,
} from '../../../autoscaler/trace/dags/generate-dags.ts';
import { plannedCall } from '../../../autoscaler/trace/dags/planned-call.ts';
import { readDagTrace } from '../../../autoscaler/trace/dags/read-dags.ts';
import {
  DAG_DEPTH,
  DAG_NODES,
  DAG_SHAPES,
  DAG_WIDTH,
} from '../../../autoscaler/trace/dags/shapes.ts';
import { runLine } from '../../cli/run-line.ts';

const OPTIONS: GenerateDagsOptions = {
  seed: 7,
  dags: 2_000,
  hours: 1,
  slack: 1.5,
  spread: 0.1,
  longest_ms: 600_000,
  least_calls_a_day: 24,
  most_calls_a_day: 100,
};
const FEW = {
  ...OPTIONS,
  dags: 20,
  longest_ms: 500,
  least_calls_a_day: 500,
  most_calls_a_day: 5_000,
};

const lengthsOf = ({ dags }: DagTrace) =>
  dags.map((dag) => {
    const { stages } = plannedCall(dag, { run_ms: dag.stages.map(() => 1) });
    const levels = Map.groupBy(stages.values(), ({ begin_ms }) => begin_ms);
    const widths = [...levels.values()].map(({ length }) => length);
    return { nodes: dag.stages.length, depth: levels.size, width: Math.max(...widths) };
  });

const shares = (of: (levels: readonly number[]) => number, most: number): number =>
  DAG_SHAPES.filter(({ levels }) => of(levels) <= most).reduce((all, one) => all + one.share, 0);
const nodesOf = (levels: readonly number[]): number => levels.reduce((all, one) => all + one, 0);
const depthOf = ({ length }: readonly number[]): number => length;
const widthOf = (levels: readonly number[]): number => Math.max(...levels);

test('shapes have the published nodes and depth, and width within 0.04', (t) => {
  const sum = DAG_SHAPES.reduce((all, { share }) => all + share, 0);
  t.true(Math.abs(sum - 1) < 1e-9, String(sum));
  for (const [name, table, of, within] of [
    ['nodes', DAG_NODES, nodesOf, 0.003],
    ['depth', DAG_DEPTH, depthOf, 0.003],
    ['width', DAG_WIDTH, widthOf, 0.04],
  ] as const) {
    for (const [share, value] of table.filter(([one]) => one > 0 && one < 1)) {
      const own = shares(of, value);
      t.true(
        Math.abs(own - share) <= within,
        `${name} at most ${value}: ${own}, published ${share}`,
      );
    }
  }
});

test('a made trace is near the tables it is drawn from, and every DAG is one', (t) => {
  const trace = generateDags(OPTIONS);
  const lengths = lengthsOf(trace);
  for (const [name, table, values] of [
    ['nodes', DAG_NODES, lengths.map(({ nodes }) => nodes)],
    ['depth', DAG_DEPTH, lengths.map(({ depth }) => depth)],
    ['width', DAG_WIDTH, lengths.map(({ width }) => width)],
  ] as const) {
    const away = table
      .filter(([share]) => share > 0 && share < 1)
      .map(([share, most]) => {
        const own = values.filter((one) => one <= most).length / values.length;
        return Math.abs(own - share);
      });
    t.true(Math.max(...away) < 0.06, `${name}: ${Math.max(...away)}`);
  }
  for (const dag of trace.dags) t.is(dagTrouble(dag), null, dag.name);
  const called = new Set(trace.calls.map(({ dag }) => dag));
  t.is(called.size, OPTIONS.dags, 'each is called');
  t.true(
    (distanceToTable(
      trace.calls.map(({ at_ms }) => at_ms),
      [
        [0, 0],
        [1, 3_600_000],
      ],
    ) ?? 1) < 0.1,
  );
});

test('a deadline is so many times the longest path, and few runs are longer than it', (t) => {
  const trace = generateDags(FEW);
  const mean = new Map(trace.functions.map(({ name, mean_ms }) => [name, mean_ms]));
  for (const dag of trace.dags) {
    const run_ms = dag.stages.map((stage) => mean.get(stage.function) ?? 0);
    const { path_ms } = plannedCall(dag, { run_ms });
    t.true(Math.abs(dag.deadline_ms - Math.max(1, 1.5 * path_ms)) < 0.01, dag.name);
  }
});

test('the same seed makes the same bytes, and a file is read back as it was made', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-dags-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'dags.jsonl');
  const line = `trace dags --dags 20 --hours 1 --seed 7 --calls-a-day 500-5000 --out ${path}`;
  t.is((await runLine(line)).code, 0);
  const trace = await readDagTrace(path, new AbortController().signal);
  t.deepEqual(trace, generateDags({ ...FEW }));
  t.deepEqual([...dagTraceLines(trace)], [...dagTraceLines(generateDags(FEW))]);
  const again = generateDags({ ...FEW, seed: 8 });
  t.notDeepEqual(again.calls, trace.calls);
});

const HEAD = '{"format":"hotplane-dags/1","kind":"recorded","made_of":{},"window_ms":10}';
const F = '{"function":"f","memory_bytes":1024,"mean_ms":1}';
const stage = '{"name":"a","function":"f","payload_json":null}';
const D = `{"dag":{"name":"d","deadline_ms":5,"stages":[${stage}],"edges":[],"ready_ms":null}}`;
const C = '{"call":"d","at_ms":1,"run_ms":[1]}';

for (const [what, lines, code, told] of [
  ['nothing', [], 'HP_TRACE_HEADER', /line 1/],
  ['another format', ['{"format":"x"}', F], 'HP_TRACE_HEADER', /hotplane-dags\/1/],
  ['no call', [HEAD, F, D], 'HP_TRACE_EMPTY', /no rows/],
  ['a line that is no JSON', [HEAD, F, '{', C], 'HP_TRACE_ROW', /line 3/],
  ['a function twice', [HEAD, F, F, D, C], 'HP_TRACE_ROW', /line 3.*twice/],
  ['a DAG of a lost function', [HEAD, D, C], 'HP_TRACE_PARTS', /DAG d/],
  ['a DAG twice', [HEAD, F, D, D, C], 'HP_TRACE_ROW', /line 4.*twice/],
  ['a lost DAG', [HEAD, F, D, C.replace('"d"', '"e"')], 'HP_TRACE_ROW', /line 4.*not there/],
  ['too few runs', [HEAD, F, D, C.replace('[1]', '[]')], 'HP_TRACE_ROW', /1 times/],
  ['no time', [HEAD, F, D, C.replace('"at_ms":1,', '')], 'HP_TRACE_ROW', /no time/],
  ['a negative run', [HEAD, F, D, C.replace('[1]', '[-1]')], 'HP_TRACE_ROW', /1 times/],
  ['time that goes back', [HEAD, F, D, C, C.replace('":1,', '":0,')], 'HP_TRACE_ROW', /line 5/],
] as const) {
  test(`a file with ${what} is refused with ${code}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-dags-'));
    t.teardown(async () => await rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'bad.jsonl');
    await writeFile(path, lines.map((one) => `${one}\n`).join(''));
    const error = await t.throwsAsync(readDagTrace(path, new AbortController().signal));
    t.is(codeOf(error), code);
    t.regex(error?.message ?? '', told);
  });
}

test('more calls than a trace has are refused before they are made', async (t) => {
  const most = '--dags 10000 --hours 336 --calls-a-day 1000000-100000000';
  for (const line of [`trace dags --out /nonexistent/x ${most}`, `simulate dags ${most}`]) {
    const { code, err } = await runLine(line);
    t.is(code, 2, line);
    t.regex(err, /HP_TRACE_TOO_LONG.*more than 2000000 calls/s);
  }
});

test('a file that is not there, and odd options, are told with one message', async (t) => {
  const { code, err } = await runLine('simulate dags --trace /nonexistent/dags.jsonl');
  t.is(code, 2);
  t.regex(err, /HP_TRACE_MISSING/);
  for (const odd of ['5-1', '0-4', 'often', '1-2-3']) {
    const refused = await runLine(`simulate dags --calls-a-day ${odd}`);
    t.is(refused.code, 2, odd);
    t.regex(refused.err, /calls-a-day/);
  }
});

test('a trace that is named is not made: options that say how are refused beside it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-dags-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'made.jsonl');
  t.is((await runLine(`trace dags --dags 2 --hours 1 --out ${path}`)).code, 0);
  for (const given of ['--dags 60', '--seed 1', '--calls-a-day 100-2000', '--longest-ms 9']) {
    const { code, err } = await runLine(`simulate dags --trace ${path} ${given}`);
    t.is(code, 2, given);
    t.regex(err, new RegExp(`HP_CLI_BAD_ARGUMENTS.*${given.split(' ')[0] ?? ''} says how`, 's'));
  }
  const { out } = await runLine(`simulate dags --trace ${path} --json`);
  const { options } = JSON.parse(out);
  t.deepEqual([options.trace, options.dags, options.seed], [path, undefined, undefined]);
});
