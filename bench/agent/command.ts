/** `hotplane bench agent`, without the command line around it. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonDocument } from '../../base/json.ts';
import { makeFolderSync } from '../../base/make-folder.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import type { Check } from '../check.ts';
import { badOption, folderTaken, folderUnwritable } from '../errors.ts';
import { checksOf } from './checks.ts';
import { type AgentBenchOptions, SHORT_OPTIONS, USUAL_OPTIONS } from './plan.ts';
import { type AgentBenchRun, benchHost, runAgentBench } from './run.ts';
import {
  ALASTOR_PERCENT,
  ledgerChecksOf,
  ledgerCostText,
  ledgerRowsOf,
  measureLedgerCost,
} from './ledger-cost.ts';
import { rowsOf } from './summary.ts';
import { renderText } from './table.ts';

export interface AgentBenchCommand {
  readonly rounds: string | undefined;
  readonly short: boolean;
  /** What a ledger costs, and nothing else. */
  readonly ledger: boolean;
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
  const run = { options, hotplane_version, progress, signal };
  const { document, text, checks } = await (input.ledger ? ledgerCost(run) : wholeAgent(run));
  const json = jsonDocument(document);
  if (folder !== undefined) writeResult(folder, json);
  stdout.write(input.json ? json : text);
  const missed = checks.some(({ verdict }) => verdict === 'missed');
  return input.strict && missed ? 1 : 0;
}

interface Result {
  readonly document: object;
  readonly text: string;
  readonly checks: readonly Check[];
}

async function wholeAgent(run: AgentBenchRun): Promise<Result> {
  const bench = await runAgentBench(run);
  const rows = rowsOf(bench.runs);
  const report = { rows, checks: checksOf(rows, bench) };
  const document = { ...bench, ...report };
  return { document, text: renderText(bench, report), checks: report.checks };
}

async function ledgerCost(run: AgentBenchRun): Promise<Result> {
  const { options, hotplane_version, progress, signal } = run;
  const { rounds, cell_ms } = options;
  const started_at = new Date().toISOString();
  const pairs = await measureLedgerCost({ rounds, cell_ms, progress, signal });
  const rows = ledgerRowsOf(pairs);
  const checks = ledgerChecksOf(rows, cell_ms);
  const about = { format: 'hotplane-bench-agent-ledger/1', hotplane_version, started_at };
  const where = { node_version: process.version, host: benchHost(), rounds, cell_ms };
  const document = { ...about, ...where, alastor_percent: ALASTOR_PERCENT, pairs, rows, checks };
  return { document, text: ledgerCostText(rows, checks), checks };
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
