/** A grid of runs over one trace: the same bytes by any number of threads, and after any end. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { readSweep } from '../../../autoscaler/results/sweep.ts';
import type { RunFigures } from '../../../autoscaler/results/simulation.ts';
import { playCell } from '../../../autoscaler/simulator/sweep-cell.ts';
import {
  type SweepCell,
  sweepCellsOf,
  gridSchema,
} from '../../../autoscaler/simulator/sweep-grid.ts';
import { playCells } from '../../../autoscaler/simulator/sweep-threads.ts';
import { InvocationColumns } from '../../../autoscaler/trace/columns.ts';
import { HotplaneError } from '../../../base/errors.ts';
import { MIB } from '../../../base/units.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { parseCommandLine } from '../../../cli/parse.ts';

const SAMPLE = fileURLToPath(
  new URL('../../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);
const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-sweep-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const GRID = join(FOLDER, 'grid.yaml');
writeFileSync(
  GRID,
  `policy: [fixed-keep-alive, hybrid-histogram, greedy-dual]
keep-alive: [30, 120]
mechanism: [hotmem, virtio-mem]
host-limit: [none, 16GiB]
`,
);

async function run(...words: readonly string[]): Promise<string> {
  let text = '';
  const all = ['simulate', '--trace', SAMPLE, ...words];
  const parsed = parseCommandLine(all, COMMANDS);
  if (parsed.kind !== 'run') throw new Error('it is a command');
  const stream = { write: (more: string) => (text += more) !== '' };
  const { signal } = new AbortController();
  await parsed.command.run({ ...parsed, argv: all, stdout: stream, stderr: stream, signal });
  return text;
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

test('a grid is every combination of its lists, but those that differ in nothing', (t) => {
  const grid = gridSchema.parse({
    policy: ['fixed-keep-alive', 'hybrid-histogram', 'greedy-dual'],
    'keep-alive': [30, 120],
    'host-limit': ['none', '8GiB'],
    'when-short': ['refuse', 'wait'],
  });
  const cells = sweepCellsOf(grid);
  const count = (policy: string): number =>
    cells.filter(({ choice }) => choice.policy === policy).length;
  t.is(count('fixed-keep-alive'), 2 * 3, 'without a limit nothing is short');
  t.is(count('hybrid-histogram'), 3, 'it has no keep-alive of its own');
  t.is(
    count('greedy-dual'),
    1,
    'without a limit nothing gives way, and with one who lacks it waits',
  );
});

test('a pool is swept by prices, and without one by its buckets, each by the engine that plays it', async (t) => {
  const grid = {
    policy: ['pool'],
    'pool-bucket': [60, 600],
    'pool-degraded': [0, 18],
    'pool-worth': [40, 160, 'none'],
  };
  const cells = sweepCellsOf(gridSchema.parse(grid));
  t.is(cells.length, 2 * 2 + 2 * 2, 'a price asks for no degraded buckets');
  const path = join(FOLDER, 'pools.json');
  writeFileSync(path, JSON.stringify(grid));
  const out = join(FOLDER, 'pools');
  const plan = await run('--sweep', path, '--out', out, '--dry-run');
  t.is(plan.match(/reference engine/g)?.length, 4);
  t.regex(plan, /pool 160 GiB·s 360 s, hotmem, no limit\n/);
  await run('--sweep', path, '--out', out, '--workers', '2');
  const runs = (await readSweep(out))?.runs ?? [];
  for (const [at, { name, ready = [], instance_starts }] of runs.entries()) {
    t.true(name.startsWith('pool '), name);
    const plugged = ready.find(({ rung }) => rung === 'plugged');
    t.true((plugged?.asked ?? 0) > 0, `${name}: starts that a call waited for`);
    if (cells[at]?.choice.pool?.worth_gib_s) t.is(plugged?.asked, instance_starts, name);
  }
  const alone = join(FOLDER, 'pools-alone');
  await run('--sweep', path, '--out', alone);
  t.deepEqual(contents(alone), contents(out));
});

const SIZES = { limit_bytes: 128 * MIB, region_bytes: 128 * MIB };
const CELL: SweepCell = {
  choice: { policy: 'fixed-keep-alive', keep_alive_ms: 1_000 },
  mechanism: 'hotmem',
  host_limit_bytes: null,
  when_short: 'refuse',
  start_ms: 300,
  stop_ms: 10,
};

function longest({ wait_ms }: RunFigures): number {
  return Math.max(...wait_ms.map(({ value }) => value));
}

test('a sweep that is to end before its threads are there plays nothing', async (t) => {
  const invocations = InvocationColumns.from([]);
  const workload = { functions: [], invocations, window_ms: 1 };
  const about = { first: 0, workers: 2, signal: AbortSignal.abort() };
  const played = playCells(workload, [CELL, CELL], about);
  await t.throwsAsync(played.next(), { instanceOf: HotplaneError, message: /interrupted/ });
});

test('a cell is played with its own limit, its own times and what it does when memory is short', (t) => {
  const calls = [0, 1].map((arrival_ms) => ({ function_index: 0, arrival_ms, duration_ms: 100 }));
  const workload = {
    functions: [{ ...SIZES, name: 'f', app: 'a', func: 'f', concurrency: 2 }],
    invocations: InvocationColumns.from(calls),
    window_ms: 60_000,
  };
  const figures = (change: Partial<SweepCell>): RunFigures =>
    playCell(workload, { ...CELL, ...change });
  t.is(figures({}).refused, 0);
  t.is(figures({ host_limit_bytes: SIZES.region_bytes }).refused, 1);
  const waits = figures({ host_limit_bytes: SIZES.region_bytes, when_short: 'wait' });
  t.is(waits.refused, 0);
  t.true(longest(figures({ start_ms: 5_000 })) - longest(figures({})) > 4_000);
  const held = (stop_ms: number): number => figures({ stop_ms }).committed_gib_s;
  t.true(held(20_000) - held(10) > 2, 'two instances of 128 MiB, 10 s more each');
});

test('a sweep by four threads has the bytes of one by one, and compare reads it', async (t) => {
  const [one, four] = [join(FOLDER, 'one'), join(FOLDER, 'four')];
  await run('--sweep', GRID, '--out', one);
  await run('--sweep', GRID, '--out', four, '--workers', '4');
  t.deepEqual(contents(four), contents(one));
  t.deepEqual(Object.keys(contents(one)).toSorted(), [
    'pareto.csv',
    'pareto.svg',
    'sweep.json',
    'sweep.jsonl',
  ]);
  t.is((await readSweep(one))?.runs.length, 14);
});

test('a sweep that was cut off goes on where it ended, to the same bytes', async (t) => {
  const whole = join(FOLDER, 'whole');
  await run('--sweep', GRID, '--out', whole);
  const before = contents(whole);
  const lines = (before['sweep.jsonl'] ?? '').split('\n');
  const kept = lines.slice(0, 5).join('\n');
  truncateSync(join(whole, 'sweep.jsonl'), Buffer.byteLength(kept) + 1);
  appendFileSync(join(whole, 'sweep.jsonl'), '{"cell":{"cho');
  await run('--sweep', GRID, '--out', whole, '--workers', '2');
  t.deepEqual(contents(whole), before);
  truncateSync(join(whole, 'sweep.jsonl'), Buffer.byteLength(kept) + 1);
  await run('--sweep', GRID, '--out', whole);
  t.deepEqual(contents(whole), before, 'also one by one');
});

test('a dry run writes nothing, no sweep is mixed in, a bad grid has its line', async (t) => {
  const out = join(FOLDER, 'dry');
  t.regex(await run('--sweep', GRID, '--out', out, '--dry-run'), /14 runs by 1 at a time/);
  t.false(readdirSync(FOLDER).includes('dry'));
  await run('--sweep', GRID, '--out', out);
  const refused = async (words: readonly string[], message: RegExp): Promise<void> => {
    await t.throwsAsync(run(...words), { instanceOf: HotplaneError, message });
  };
  await refused(['--sweep', GRID, '--out', out, '--group', 'app'], /already holds results/);
  const bad = join(FOLDER, 'bad.yaml');
  for (const [text, message] of [
    ['policy: [fixed]\n', /bad\.yaml:1:/],
    ['keep-alive: [30]\nmechanisms: [hotmem]\n', /bad\.yaml:2:/],
    ['host-limit: [much]\n', /none, or a size/],
    ['pool-worth: [much]\n', /none, or GiB s above 0/],
    ['pool-worth: [-1]\n', /bad\.yaml:1:14: .*>0/],
    ['policy: [greedy-dual]\n', /has no run/],
  ] as const) {
    writeFileSync(bad, text);
    await refused(['--sweep', bad, '--out', join(FOLDER, 'never')], message);
  }
});
