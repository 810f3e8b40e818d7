/** `hotplane simulate --sweep FILE`: every combination of a grid over one trace. */
import { appendFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { checkYaml, readYaml } from '../../base/yaml.ts';
import { compareRuns } from '../report/compare.ts';
import { comparisonCsv, renderComparison } from '../report/compare-text.ts';
import { renderPareto } from '../report/pareto-chart.ts';
import { resultsExist } from '../results/errors.ts';
import { readSweep, SWEEP_FILES } from '../results/sweep.ts';
import { type OpenOptions, openTrace } from '../trace/open-trace.ts';
import { badSimulateOption } from './errors.ts';
import { nameOfChoice, needsReference } from './simulation.ts';
import { type SweepCell, sweepCellsOf, gridSchema } from './sweep-grid.ts';
import { playCells } from './sweep-threads.ts';
import { type WorkloadOptions, workloadOf } from './workload.ts';

export interface SweepInput extends Pick<WorkloadOptions, 'grouping' | 'model' | 'concurrency'> {
  readonly sweep: string;
  readonly traces: readonly string[];
  readonly open: OpenOptions;
  readonly out: string;
  readonly workers: number;
  /** Only tell what would be simulated. */
  readonly dry_run: boolean;
  readonly hotplane_version: string;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Measured beyond the last planned end and the longest keep-alive. */
const TAIL_MS = 10_000;
const CELLS_MAX = 10_000;

/** Throws HP_YAML, `HP_TRACE_*`, `HP_SIMULATE_*`, `HP_RESULTS_*`. */
export async function runSweep(input: SweepInput): Promise<void> {
  const { out, open, signal, workers, stdout } = input;
  const cells = sweepCellsOf(checkYaml(await readYaml(input.sweep), gridSchema));
  if (cells.length === 0) throw badSimulateOption('sweep', 'has no run: a limit is missing');
  if (cells.length > CELLS_MAX) {
    throw badSimulateOption('sweep', `has ${cells.length} runs; at most ${CELLS_MAX} are made`);
  }
  if (input.dry_run) return void stdout.write(planText(input, cells));
  const trace = await openTrace(input.traces, open);
  const tail_ms = Math.max(...cells.map(({ choice }) => choice.keep_alive_ms)) + TAIL_MS;
  const workload = workloadOf(trace, { ...input, seed: open.seed, tail_ms });
  const about = jsonDocument({
    kind: 'sweep',
    simulated: true,
    hotplane: input.hotplane_version,
    seed: open.seed,
    inputs: (trace.inputs ?? [trace.input]).map((one) => ({ ...one })),
    grouping: input.grouping,
    memory_model: input.model.name,
    concurrency: input.concurrency,
    cells,
  });
  const first = await begin(out, about);
  let index = first;
  const path = join(out, SWEEP_FILES.runs);
  for await (const figures of playCells(workload, cells, { first, workers, signal })) {
    await appendFile(path, `${JSON.stringify({ cell: cells[index], figures })}\n`);
    index += 1;
  }
  await tell(input);
}

/** How many runs are there already. Throws HP_RESULTS_EXIST where they are of another sweep. */
async function begin(out: string, about: string): Promise<number> {
  await makeFolder(out);
  const path = join(out, SWEEP_FILES.about);
  const before = await readPlainFile(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  const lines = await readSweep(out);
  if (before === null && lines === null) {
    await writeWhole(path, about);
    return 0;
  }
  if (before !== about) throw resultsExist(out);
  if (lines) await truncate(join(out, SWEEP_FILES.runs), lines.whole_bytes);
  return lines?.runs.length ?? 0;
}

async function tell({ out, open, json, stdout }: SweepInput): Promise<void> {
  const runs = (await readSweep(out))?.runs ?? [];
  // The same bytes wherever the folder is.
  const found = runs.map((figures) => ({ folder: '.', figures }));
  const comparison = compareRuns(found, open.seed);
  await writeWhole(join(out, 'pareto.svg'), renderPareto(comparison), { durable: false });
  await writeWhole(join(out, 'pareto.csv'), comparisonCsv(comparison), { durable: false });
  stdout.write(json ? jsonDocument(comparison) : renderComparison(comparison));
}

function planText({ json, out, workers }: SweepInput, cells: readonly SweepCell[]): string {
  if (json) return jsonDocument({ cells });
  const lines = cells.map(({ choice, mechanism, host_limit_bytes, when_short }, index) => {
    const limit =
      host_limit_bytes === null ? 'no limit' : `${host_limit_bytes} bytes, ${when_short}`;
    const engine = needsReference(choice) ? ', reference engine' : '';
    return `${index + 1}  ${nameOfChoice(choice)}, ${mechanism}, ${limit}${engine}`;
  });
  const what = `${cells.length} runs by ${workers} at a time into ${out}; nothing is simulated yet`;
  return `${[...lines, what].join('\n')}\n`;
}
