/** `hotplane bench agent`, without the command line around it. */
import { jsonDocument } from '../../base/json.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import type { Check } from '../check.ts';
import { badOption } from '../errors.ts';
import { claimResult, writeResult } from '../result-file.ts';
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
  if (folder !== undefined) claimResult(folder, FILE);
  const progress = createProgress({ stream: stderr });
  const run = { options, hotplane_version, progress, signal };
  const { document, text, checks } = await (input.ledger ? ledgerCost(run) : wholeAgent(run));
  const json = jsonDocument(document);
  if (folder !== undefined) writeResult(folder, FILE, json);
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
  const measured = await measureLedgerCost({ rounds, cell_ms, progress, signal });
  const rows = ledgerRowsOf(measured);
  const checks = ledgerChecksOf(rows, cell_ms);
  const about = { format: 'hotplane-bench-agent-ledger/2', hotplane_version, started_at };
  const where = { node_version: process.version, host: benchHost(), rounds, cell_ms };
  const document = { ...about, ...where, alastor_percent: ALASTOR_PERCENT, measured, rows, checks };
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
