/** Traces that are made or taken out of others: from a seed, near to what they are like. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runGenerate, runSample } from '../../autoscaler/trace/command.ts';
import { generateInvocations, LIKE_2021 } from '../../autoscaler/trace/generate.ts';
import { likenessOf } from '../../autoscaler/trace/likeness.ts';
import { DURATION_2021_MS } from '../../autoscaler/trace/published.ts';
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';
import { distanceToTable, wasserstein } from '../../autoscaler/trace/quantiles.ts';
import { sampleTrace } from '../../autoscaler/trace/sample.ts';

import { runLine } from '../cli/run-line.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-made-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const SAMPLE = fileURLToPath(
  new URL('../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);
const QUIET = { json: true, stdout: { write: () => true }, signal: AbortSignal.timeout(240_000) };

test('a made trace is near the published tables, and the same for the same seed', async (t) => {
  const options = { ...LIKE_2021, invocations: 200_000, seed: 3 };
  const made = generateInvocations(options);
  t.deepEqual(generateInvocations(options), made);
  t.is(made.invocations.length, 200_000);
  t.is(made.functions.length, 424);
  const path = join(FOLDER, 'made.csv');
  const more = { functions: null, apps: null, quirks: false, days: 14 };
  const input = { format: 'azure2021', seed: 3, invocations: 200_000, out: path } as const;
  await runGenerate({ ...QUIET, ...more, ...input });
  const trace = await openTrace([path], OPEN_DEFAULTS);
  t.deepEqual(trace.invocations.length, 200_000);
  for (const { what, distance } of likenessOf(trace))
    t.true((distance ?? 1) <= 0.04, `${what}: ${distance}`);
  t.like(JSON.parse(readFileSync(`${path}.json`, 'utf8')), { kind: 'synthetic', seed: 3 });
});

test('durations of a made trace are as published, whatever the seed', (t) => {
  for (const seed of [1, 2, 4, 5, 6, 7]) {
    const { invocations } = generateInvocations({ ...LIKE_2021, invocations: 100_000, seed });
    const long = [...invocations.duration_ms].filter((ms) => ms > 0);
    const distance = distanceToTable(long, DURATION_2021_MS);
    t.true((distance ?? 1) <= 0.04, `seed ${seed}: ${distance}`);
  }
});

test('days made like those of 2019 are read back, with the oddities asked for', async (t) => {
  const out = join(FOLDER, 'made2019');
  const more = { functions: null, invocations: null };
  const input = { format: 'azure2019', seed: 5, apps: 400, days: 2, quirks: true, out } as const;
  await runGenerate({ ...QUIET, ...more, ...input });
  const paths = [
    'invocations_per_function_md',
    'function_durations_percentiles',
    'app_memory_percentiles',
  ];
  const all = paths.flatMap((name) =>
    ['d01', 'd02'].map((day) => join(out, `${name}.anon.${day}.csv`)),
  );
  const trace = await openTrace(all, { ...OPEN_DEFAULTS, counts_only: true });
  t.true(trace.functions.length > 300, `${trace.functions.length}`);
  const [popularity, functions] = likenessOf(trace);
  t.true((popularity?.distance ?? 1) < 0.15, `${popularity?.distance}`);
  t.true((functions?.distance ?? 1) < 0.25, `${functions?.distance}`);
  for (const rule of ['no-durations', 'zero-average', 'no-extremes', 'no-memory'])
    t.true(
      trace.rules.some((one) => one.rule === rule),
      rule,
    );
});

test('an option that the format does not have is refused, not passed over', async (t) => {
  for (const [format, given] of [
    ['azure2019', '--functions 5'],
    ['azure2019', '--invocations 5'],
    ['azure2021', '--quirks'],
  ] as const) {
    const line = `trace generate --format ${format} ${given} --out /nonexistent/made`;
    const { code, err } = await runLine(line);
    t.is(code, 2, line);
    t.regex(err, new RegExp(`HP_CLI_BAD_ARGUMENTS: ${given.split(' ')[0] ?? ''} says nothing`));
  }
});

test('samples of one seed are nested, and nearer to the whole than one draw', async (t) => {
  const trace = await openTrace([SAMPLE], OPEN_DEFAULTS);
  const names = (count: number): string[] =>
    sampleTrace(trace, { functions: count, seed: 2, trials: 32 }).functions.map((one) => one.func);
  const [small, large] = [names(5), names(15)];
  t.is(small.length, 5);
  t.deepEqual(
    small.filter((name) => !large.includes(name)),
    [],
  );
  const sample = sampleTrace(trace, { functions: 12, seed: 2, trials: 32 });
  const sum = ({ invocations, cost }: typeof sample.distance): number => invocations + cost;
  t.true(sum(sample.distance) < sum(sample.distance_of_one_draw));
  t.throws(() => sampleTrace(trace, { functions: 32, seed: 1, trials: 1 }), { message: /has 31/ });
});

test('a sample is a trace again, and its side-car says from what', async (t) => {
  const out = join(FOLDER, 'sample.csv');
  const how = { functions: 9, seed: 1, trials: 4, out };
  await runSample({ ...QUIET, ...how, files: [SAMPLE], open: OPEN_DEFAULTS });
  const trace = await openTrace([out], OPEN_DEFAULTS);
  t.is(trace.functions.length, 9);
  t.like(JSON.parse(readFileSync(`${out}.json`, 'utf8')), {
    invocations: trace.invocations.length,
  });
});

test("Wasserstein's distance of known samples", (t) => {
  t.is(wasserstein([0, 1], [0, 1]), 0);
  t.is(wasserstein([0, 0], [1, 1]), 1);
  t.is(wasserstein([0], [0, 2]), 1);
  t.is(wasserstein([], [1]), null);
});
