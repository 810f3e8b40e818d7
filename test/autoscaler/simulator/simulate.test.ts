/** `hotplane simulate` from the trace to its folder. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { HotplaneError } from '../../../base/errors.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { parseCommandLine } from '../../../cli/parse.ts';
import { quantileInterval, ratioOfSums, wilson } from '../../../autoscaler/results/intervals.ts';
import {
  SIMULATION_FILE,
  simulationSchema,
  type Simulation,
} from '../../../autoscaler/results/simulation.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-simulate-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const SAMPLE = fileURLToPath(
  new URL('../../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);

const MIDDLE = (): number => 0.5;

/** What stands ready, which the fast engine counts of a pool alone, left out. */
const withoutReady = (runs: Simulation['runs']): Simulation['runs'] =>
  runs.map((one) => {
    const left = { ...one };
    delete left.ready;
    return left;
  });

async function run(...words: readonly string[]): Promise<string> {
  let text = '';
  const parsed = parseCommandLine(['simulate', '--trace', SAMPLE, ...words], COMMANDS);
  if (parsed.kind !== 'run') throw new Error('it is a command');
  const stream = {
    write: (more: string) => {
      text += more;
      return true;
    },
  };
  await parsed.command.run({
    ...parsed,
    argv: words,
    stdout: stream,
    stderr: stream,
    signal: new AbortController().signal,
  });
  return text;
}

async function simulated(...words: readonly string[]): Promise<Simulation> {
  return simulationSchema.parse(JSON.parse(await run('--json', ...words)));
}

test('the bundled piece has 114 cold starts of 199 under 120 s, on both engines alike', async (t) => {
  const fast = await simulated();
  const reference = await simulated('--engine', 'reference');
  t.is(fast.runs[0]?.cold, 114);
  t.is(fast.runs[0]?.invocations, 199);
  t.deepEqual(withoutReady(reference.runs), fast.runs);
});

test('what is simulated says so, wherever it is told', async (t) => {
  const out = join(FOLDER, 'said');
  const text = await run('--out', out, '--policy', 'fixed-keep-alive,hybrid-histogram');
  t.regex(text, /^SIMULATED: nothing here was measured\./);
  const simulation: unknown = JSON.parse(readFileSync(join(out, SIMULATION_FILE), 'utf8'));
  t.like(simulation, { simulated: true, kind: 'simulation' });
  t.regex(readFileSync(join(out, 'memory.svg'), 'utf8'), /SIMULATED/);
  t.is(readFileSync(join(out, 'memory.csv'), 'utf8').trimEnd().split('\n').length, 101);
  t.regex(readFileSync(join(out, 'cold-starts.svg'), 'utf8'), /SIMULATED/);
  const [head, ...rows] = readFileSync(join(out, 'cold-starts.csv'), 'utf8').trimEnd().split('\n');
  t.is(head, 'share_of_functions,"fixed-keep-alive 120 s, hotmem","hybrid-histogram, hotmem"');
  t.is(rows.length, 100);
  t.is(rows.at(-1)?.split(',')[1], '1', 'of some function every call was cold');
  const error = await t.throwsAsync(run('--out', out), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_EXIST');
});

test('the ideal beside each saving is that of its own policy', async (t) => {
  const words = ['--policy', 'fixed-keep-alive,batched', '--keep-alive', '60,600'];
  const { runs } = await simulated(...words, '--mechanism', 'virtio-mem');
  const ideals = await simulated(...words, '--mechanism', 'ideal', '--stop-ms', '0');
  t.is(runs.length, 4);
  for (const [at, { name, ideal_gib_s = Number.NaN, committed_gib_s }] of runs.entries()) {
    t.is(ideal_gib_s, ideals.runs[at]?.committed_gib_s ?? 0, name);
    t.true(ideal_gib_s < committed_gib_s, name);
  }
});

test('the same inputs give the same bytes', async (t) => {
  const words = ['--json', '--policy', 'hybrid-histogram', '--keep-alive', '60'];
  t.is(await run(...words), await run(...words));
});

test('a longer keep-alive has fewer cold starts and commits more; baselines are in order', async (t) => {
  const { runs, baselines } = await simulated('--keep-alive', '30,120,600');
  const of = (name: string): number =>
    baselines.find((one) => one.name === name)?.gib_s ?? Number.NaN;
  const cold = runs.map((one) => one.cold);
  const gib_s = runs.map((one) => one.committed_gib_s);
  t.deepEqual(
    cold,
    cold.toSorted((a, b) => b - a),
  );
  t.deepEqual(
    gib_s,
    gib_s.toSorted((a, b) => a - b),
  );
  t.true(of('oracle') <= of('ideal') && of('ideal') <= (gib_s[0] ?? 0));
  t.true(of('ideal') <= of('flat-cap') && of('flat-cap') <= of('static') * (1 + 1e-9));
});

test('a host with little memory refuses as the agent does, or makes starts wait', async (t) => {
  const limit = ['--host-limit', '8GiB'];
  const fast = await simulated(...limit);
  const reference = await simulated(...limit, '--engine', 'reference');
  t.true((fast.runs[0]?.refused ?? 0) > 0);
  t.deepEqual(withoutReady(reference.runs), fast.runs);
  const waits = await simulated(...limit, '--when-short', 'wait');
  t.is(waits.runs[0]?.refused, 0);
  const p99 = waits.runs[0]?.wait_ms.find(({ share }) => share === 0.99)?.value ?? 0;
  t.true(p99 > 1_000, `${p99} ms`);
  t.true((waits.runs[0]?.peak_committed_bytes ?? 0) <= 8 * 2 ** 30);
});

test('who lets go for memory alone is waited for, on both engines', async (t) => {
  const limit = ['--host-limit', '8GiB', '--policy', 'greedy-dual,least-recently-used'];
  for (const engine of ['fast', 'reference']) {
    const { runs } = await simulated(...limit, '--engine', engine);
    for (const { name, peak_committed_bytes, cold, refused } of runs) {
      t.true(peak_committed_bytes <= 8 * 2 ** 30, `${engine}: ${name}`);
      // Before anybody gave way only what fits at once was ever started.
      t.true(cold > 60, `${engine}: ${name}: ${cold} cold starts`);
      if (engine === 'fast') t.is(refused, 0, name);
    }
  }
});

test('every policy is played by the reference engine, and says which it is', async (t) => {
  const names = [
    'knative',
    'batched',
    'plugged-reserve',
    'sliding-window',
    'degraded-window',
    'pool',
    'hybrid-histogram',
  ];
  const { runs } = await simulated('--policy', names.join(), '--engine', 'reference');
  for (const [at, { name, warm, cold }] of runs.entries()) {
    t.true(name.startsWith(names[at] ?? '?'), name);
    t.is(warm + cold, 199, name);
    const ready = runs[at]?.ready?.find(({ rung }) => rung === 'warm');
    t.is(ready?.asked, 199, `${name}: every call looked for an idle instance`);
  }
});

test('what stands ready over time adds up to what stood ready, and is drawn with what is wanted', async (t) => {
  const out = join(FOLDER, 'rungs');
  const how = ['--policy', 'pool', '--pool-bucket', '60', '--engine', 'reference'];
  await run(...how, '--out', out);
  const [one] = simulationSchema.parse(
    JSON.parse(readFileSync(join(out, SIMULATION_FILE), 'utf8')),
  ).runs;
  for (const { rung, asked, hits, idle_gib_s, parts = [] } of one?.ready ?? []) {
    const sum = (of: (part: (typeof parts)[number]) => number): number =>
      parts.reduce((all, part) => all + of(part), 0);
    t.is(parts.length, 100);
    t.is(
      sum((part) => part.asked),
      asked,
      rung,
    );
    t.is(
      sum((part) => part.hits),
      hits,
      rung,
    );
    t.true(Math.abs(sum((part) => part.idle_gib_s) - idle_gib_s) < 1e-6, rung);
    t.true(
      parts.some(({ want_gib }) => (want_gib ?? 0) > 0),
      `${rung} is wanted`,
    );
  }
  const svg = readFileSync(join(out, 'rungs.svg'), 'utf8');
  t.regex(svg, /warm, GiB: 131 of 199 calls found one \(65\.8 %\)/);
  const csv = readFileSync(join(out, 'rungs.csv'), 'utf8').trimEnd().split('\n');
  t.is(csv.length, 201);
  t.regex(csv[1] ?? '', /^"pool 60 s .*",plugged,\d/);
  const wide = await simulated(...how, '--hosts', '3');
  t.is(wide.runs[0]?.ready?.[1]?.parts?.length, 100, 'of several hosts together');
  const fast = join(FOLDER, 'no-rungs');
  await run('--out', fast);
  t.false(existsSync(join(fast, 'rungs.svg')), 'the fast engine counts none');
});

test('a pool by a price comes to the same on both engines, one by a percentile to the core alone', async (t) => {
  const how = ['--policy', 'pool', '--pool-worth', '40,160', '--mechanism', 'virtio-mem'];
  const fast = await simulated(...how);
  const reference = await simulated(...how, '--engine', 'reference');
  t.deepEqual(withoutReady(fast.runs), withoutReady(reference.runs));
  for (const [at, { ready = [] }] of fast.runs.entries()) {
    const counts = (all: typeof ready) => all.map(({ rung, asked, hits }) => [rung, asked, hits]);
    t.deepEqual(counts(ready), counts(reference.runs[at]?.ready ?? []));
  }
  t.regex(await run(...how), /what stood ready:\npolicy +cold plugs/);
  const out = join(FOLDER, 'priced');
  const text = await run(...how, '--out', out);
  t.true(text.includes(join(out, '2-pool-160-GiB-s')), text);
  t.false(existsSync(join(out, 'rungs.svg')), 'the fast engine tells nothing of it over time');
});

test('several hosts are each full by themselves, and together they are one without a limit', async (t) => {
  const one = await simulated();
  const wide = await simulated('--hosts', '3');
  const [figures] = one.runs;
  const [spread] = wide.runs;
  t.is(spread?.cold, figures?.cold);
  t.true(Math.abs((spread?.committed_gib_s ?? 0) - (figures?.committed_gib_s ?? 1)) < 1e-6);
  for (const engine of ['fast', 'reference']) {
    const limited = ['--host-limit', '8GiB', '--engine', engine];
    const [few, more] = await Promise.all([
      simulated(...limited),
      simulated(...limited, '--hosts', '3'),
    ]);
    t.true((more.runs[0]?.refused ?? 0) < (few.runs[0]?.refused ?? 0), engine);
    t.true((more.runs[0]?.peak_committed_bytes ?? 0) <= 24 * 2 ** 30, engine);
  }
  const out = join(FOLDER, 'hosts');
  t.regex(await run('--hosts', '2', '--out', out), /no lines of several hosts/);
});

for (const [words, message] of [
  [['--policy', 'best'], /--policy is 'best'/],
  [['--policy', 'greedy-dual'], /--host-limit is needed/],
  [['--keep-alive', 'long'], /--keep-alive is 'long'/],
  [['--mechanism', 'static'], /--mechanism is one of ideal, balloon/],
  [['--policy', 'plugged-reserve'], /fast does not play plugged-reserve 120 s; reference does/],
  [
    ['--policy', 'pool'],
    /fast does not play pool 600 s 6\+18 p99; reference does, and fast a pool by a price \(--pool-worth\)/,
  ],
  [['--calibrate', '/nowhere'], /nowhere/],
] as const) {
  test(`simulate ${words.join(' ')} is refused with what to give`, async (t) => {
    const error = await t.throwsAsync(run(...words), { instanceOf: HotplaneError, message });
    t.is(error.exit_code, 2);
  });
}

test('intervals: of a share after Wilson, of a quantile by ranks, of a ratio by drawing again', (t) => {
  const { low, high } = wilson(10, 100);
  t.true(Math.abs(low - 0.0552) < 1e-3 && Math.abs(high - 0.1744) < 1e-3);
  t.deepEqual(wilson(0, 0), { value: 0, low: 0, high: 1 });
  const sorted = Array.from({ length: 100 }, (_, at) => at + 1);
  t.deepEqual(quantileInterval(sorted, 0.5), { share: 0.5, value: 50, low: 40, high: 61 });
  t.deepEqual(quantileInterval(sorted, 0.5, 900), { share: 0.5, value: 0, low: 0, high: 0 });
  t.is(quantileInterval([1, 2, 3], 0.99).high, null, 'three values have no end above their p99');
  t.deepEqual(ratioOfSums([1, 2, 3], [2, 4, 6], MIDDLE)?.value, 0.5);
  t.is(ratioOfSums([1], [0], MIDDLE), null);
});
