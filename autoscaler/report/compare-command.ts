/** `hotplane compare`: result folders of replays and of simulations beside each other. */
import { join } from 'node:path';
import { writeWhole } from '../../base/files.ts';
import { jsonDocument, parseJson } from '../../base/json.ts';
import { openPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsMalformed } from '../results/errors.ts';
import { type RunFigures, SIMULATION_FILE, simulationSchema } from '../results/simulation.ts';
import { readSweep } from '../results/sweep.ts';
import { compareRuns } from './compare.ts';
import { comparisonCsv, renderComparison } from './compare-text.ts';
import { figuresOfFolder } from './live-figures.ts';
import { isOfRounds, roundFolder, roundsIn } from './rounds-folder.ts';
import { renderPareto } from './pareto-chart.ts';

export interface CompareInput {
  readonly folders: readonly string[];
  readonly seed: number;
  /** The plot goes here, and its points beside it as .csv; null: nowhere. */
  readonly svg: string | null;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Throws `HP_RESULTS_*`. */
export async function runCompareCommand(input: CompareInput): Promise<void> {
  const found: { folder: string; figures: RunFigures }[] = [];
  for (const folder of input.folders) {
    input.signal.throwIfAborted();
    const swept = await readSweep(folder);
    const runs =
      swept?.runs ?? (await simulatedRuns(folder)) ?? (await replayedRuns(folder, input.signal));
    found.push(...runs.map((figures) => ({ folder, figures })));
  }
  const comparison = compareRuns(found, input.seed);
  if (input.svg !== null) {
    await writeWhole(input.svg, renderPareto(comparison), { durable: false });
    const csv = `${input.svg.replace(/\.svg$/i, '')}.csv`;
    await writeWhole(csv, comparisonCsv(comparison), { durable: false });
  }
  input.stdout.write(input.json ? jsonDocument(comparison) : renderComparison(comparison));
}

/** Of a folder of rounds each run of every round, under a name with its round. */
async function replayedRuns(folder: string, signal: AbortSignal): Promise<RunFigures[]> {
  if (!isOfRounds(folder)) return await figuresOfFolder(folder, signal);
  const found: RunFigures[] = [];
  for (const round of roundsIn(folder)) {
    const runs = await figuresOfFolder(roundFolder(folder, round), signal);
    found.push(...runs.map((run) => ({ ...run, name: `${run.name}, round ${round}` })));
  }
  return found;
}

/** Null: it is no folder of a simulation. */
async function simulatedRuns(folder: string): Promise<readonly RunFigures[] | null> {
  const path = join(folder, SIMULATION_FILE);
  let text: string;
  try {
    await using file = await openPlainFile(path);
    text = await file.readFile('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
  const checked = simulationSchema.safeParse(parseJson(text));
  if (checked.success) return checked.data.runs;
  const [issue] = checked.error.issues;
  throw resultsMalformed(path, 1, `${issue?.path.join('.')}: ${issue?.message}`);
}
