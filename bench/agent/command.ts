/** `hotplane bench agent`, without the command line around it. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonDocument } from '../../base/json.ts';
import { makeFolderSync } from '../../base/make-folder.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import { badOption, folderTaken, folderUnwritable } from '../errors.ts';
import { checksOf } from './checks.ts';
import { type AgentBenchOptions, SHORT_OPTIONS, USUAL_OPTIONS } from './plan.ts';
import { runAgentBench } from './run.ts';
import { rowsOf } from './summary.ts';
import { renderText } from './table.ts';

export interface AgentBenchCommand {
  readonly rounds: string | undefined;
  readonly short: boolean;
  readonly strict: boolean;
  readonly json: boolean;
  readonly folder: string | undefined;
  readonly hotplane_version: string;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

const ROUNDS_MAX = 20;
const FILE = 'agent.json';

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runAgentBenchCommand(input: AgentBenchCommand): Promise<number> {
  const { folder, hotplane_version, signal, stdout, stderr } = input;
  const options = optionsOf(input);
  if (folder !== undefined) claimFolder(folder);
  const progress = createProgress({ stream: stderr });
  const bench = await runAgentBench({ options, hotplane_version, progress, signal });
  const rows = rowsOf(bench.runs);
  const report = { rows, checks: checksOf(rows, bench) };
  const json = jsonDocument({ ...bench, ...report });
  if (folder !== undefined) writeResult(folder, json);
  stdout.write(input.json ? json : renderText(bench, report));
  const missed = report.checks.some(({ verdict }) => verdict === 'missed');
  return input.strict && missed ? 1 : 0;
}

/** Throws HP_BENCH_OPTION. */
function optionsOf({ rounds, short }: AgentBenchCommand): AgentBenchOptions {
  const usual = short ? SHORT_OPTIONS : USUAL_OPTIONS;
  if (rounds === undefined) return usual;
  const count = /^\d+$/.test(rounds) ? Number(rounds) : 0;
  if (count >= 1 && count <= ROUNDS_MAX) return { ...usual, rounds: count };
  const problem = `'${rounds}' is not a whole number from 1 to ${ROUNDS_MAX}`;
  throw badOption('rounds', problem, 'bench agent');
}

/** Before anything is measured: a run that cannot be kept is not made. */
function claimFolder(folder: string): void {
  if (existsSync(join(folder, FILE))) throw folderTaken(folder);
  try {
    makeFolderSync(folder);
    writeFileSync(join(folder, FILE), '');
  } catch (cause) {
    throw folderUnwritable(folder, cause);
  }
}

function writeResult(folder: string, text: string): void {
  const path = join(folder, FILE);
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw folderUnwritable(path, cause);
  }
}
