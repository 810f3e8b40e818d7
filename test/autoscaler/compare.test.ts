/** `hotplane compare`: runs beside each other, measured and simulated. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { HotplaneError } from '../../base/errors.ts';
import { runCompareCommand } from '../../autoscaler/report/compare-command.ts';
import { renderComparison } from '../../autoscaler/report/compare-text.ts';
import { compareRuns } from '../../autoscaler/report/compare.ts';
import { figuresOfFolder } from '../../autoscaler/report/live-figures.ts';
import type { RunFigures } from '../../autoscaler/results/simulation.ts';
import { simulatePaper } from '../../autoscaler/simulator/paper.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-compare-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const OLD = fileURLToPath(new URL('./folder-0.1', import.meta.url));
const signal = new AbortController().signal;

function figures(name: string, cold: number, gib_s: number): RunFigures {
  const share = cold / 100;
  return {
    name,
    policy: name,
    mechanism: 'x',
    simulated: true,
    invocations: 100,
    warm: 100 - cold,
    cold,
    refused: 0,
    instance_starts: cold,
    cold_share: { value: share, low: share, high: share },
    cold_share_of_functions: [],
    wait_ms: [],
    latency_ms: [],
    committed_gib_s: gib_s,
    busy_gib_s: null,
    peak_committed_bytes: 0,
    committed_gib_s_parts: Array.from({ length: 100 }, (_, at) => (gib_s / 5050) * (at + 1)),
    window_ms: 1_000,
    not_compared: [],
  };
}

test('the front are the runs that no other is better than', (t) => {
  const all = [
    figures('a', 10, 50),
    figures('b', 20, 30),
    figures('c', 20, 40),
    figures('d', 5, 90),
  ];
  const { runs } = compareRuns(
    all.map((one) => ({ folder: 'x', figures: one })),
    1,
  );
  t.deepEqual(
    runs.map(({ is_on_front }) => is_on_front),
    [true, true, false, true],
  );
});

test('memory is compared part by part: of the same shape its ratio has no spread', (t) => {
  const pair = [figures('a', 1, 50), figures('b', 1, 30)].map((one) => ({
    folder: 'x',
    figures: one,
  }));
  const { runs } = compareRuns(pair, 1);
  const ratio = runs[1]?.memory_against_first;
  for (const value of [ratio?.value, ratio?.low, ratio?.high]) {
    t.true(Math.abs((value ?? 0) - 0.6) < 1e-9, `${value}`);
  }
  const other = { ...figures('c', 1, 30), invocations: 99 };
  const apart = compareRuns([...pair, { folder: 'x', figures: other }], 1);
  t.is(apart.runs[2]?.memory_against_first, null, 'other work is not compared');
});

test('a run that was disturbed is told, and neither compared nor on the front', (t) => {
  const disturbed = { ...figures('c', 0, 1), not_compared: ['host-disturbed'] };
  const all = [figures('a', 10, 50), figures('b', 20, 30), disturbed];
  const comparison = compareRuns(
    all.map((one) => ({ folder: 'x', figures: one })),
    1,
  );
  t.deepEqual(
    comparison.runs.map(({ is_on_front }) => is_on_front),
    [true, true, false],
    'and takes nobody off it',
  );
  t.is(comparison.runs[2]?.memory_against_first, null);
  t.regex(renderComparison(comparison), /not compared: host-disturbed/);
});

test('a measured folder has the figures that its report has', async (t) => {
  const runs = await figuresOfFolder(OLD, signal);
  const summary: { mechanisms: { mechanism: string; memory_gib_s: { committed: number } }[] } =
    JSON.parse(readFileSync(join(OLD, 'summary.json'), 'utf8'));
  t.true(runs.length > 0);
  for (const run of runs) {
    const told = summary.mechanisms.find((one) => one.mechanism === run.mechanism);
    t.false(run.simulated);
    t.true(Math.abs(run.committed_gib_s - (told?.memory_gib_s.committed ?? 0)) < 1e-3, run.name);
  }
});

test('compare prints, plots, and writes the points of the plot beside it', async (t) => {
  let text = '';
  const stdout = { write: (more: string) => void (text += more) };
  const svg = join(FOLDER, 'pareto.svg');
  await runCompareCommand({ folders: [OLD], seed: 1, svg, json: false, stdout, signal });
  t.regex(text, /live/);
  t.regex(readFileSync(svg, 'utf8'), /^<svg /);
  t.regex(readFileSync(join(FOLDER, 'pareto.csv'), 'utf8'), /^run,folder,simulated,cold_share/);
});

test('a folder that holds neither is one message with its path', async (t) => {
  const stdout = { write: () => undefined };
  const compare = async (folder: string): Promise<void> =>
    await runCompareCommand({ folders: [folder], seed: 1, svg: null, json: false, stdout, signal });
  await t.throwsAsync(compare('/nowhere'), { instanceOf: HotplaneError, message: /nowhere/ });
  const broken = join(FOLDER, 'broken');
  mkdirSync(broken);
  writeFileSync(join(broken, 'simulation.json'), '{"schema_version": 9}');
  copyFileSync(join(OLD, 'manifest.json'), join(broken, 'manifest.json'));
  await t.throwsAsync(compare(broken), { instanceOf: HotplaneError, message: /simulation\.json/ });
});

test("the paper's experiment has its shape: hotmem is near abundant and commits least", (t) => {
  for (const seed of [1, 2, 3]) {
    const { rows } = simulatePaper(seed);
    const of = (way: string): (typeof rows)[number] | undefined =>
      rows.find((one) => one.way === way);
    const [stock, ours] = [of('virtio-mem'), of('hotmem')];
    t.is(of('abundant')?.p99_against_abundant, 1);
    const [stock_p99 = 0, harvest_p99 = 0, ours_p99 = 9] = [stock, of('harvest'), ours].map(
      (one) => one?.p99_against_abundant ?? undefined,
    );
    t.true(stock_p99 > harvest_p99 && harvest_p99 >= ours_p99, `seed ${seed}`);
    t.true(stock_p99 > 1.1 && ours_p99 < 1.1, `seed ${seed}: ${stock_p99}, ${ours_p99}`);
    t.true((ours?.gib_s ?? 9) < (of('abundant')?.gib_s ?? 0));
    t.true((stock?.gib_s ?? 9) < (of('abundant')?.gib_s ?? 0));
  }
});
