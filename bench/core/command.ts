/** `hotplane bench core`, without the command line around it. */
import { jsonDocument } from '../../base/json.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import { badOption } from '../errors.ts';
import { coreOf, ownCore } from './core-under-test.ts';
import { type CoreBenchOptions, SHORT_OPTIONS, USUAL_OPTIONS } from './plan.ts';
import { runCoreBench } from './run.ts';
import { reportOf } from './summary.ts';
import { renderText } from './table.ts';

export interface CoreBenchCommand {
  readonly rounds: string | undefined;
  /** Folder of another checkout. */
  readonly against: string | undefined;
  readonly short: boolean;
  readonly strict: boolean;
  readonly json: boolean;
  readonly hotplane_version: string;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

const ROUNDS_MAX = 100;

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runCoreBenchCommand(input: CoreBenchCommand): Promise<number> {
  const { against, hotplane_version, signal, stdout, stderr } = input;
  const options = optionsOf(input);
  const cores = [ownCore(), ...(against === undefined ? [] : [await coreOf(against)])];
  const progress = createProgress({ stream: stderr });
  const bench = await runCoreBench({ options, cores, hotplane_version, progress, signal });
  const report = reportOf(bench);
  const json = jsonDocument({ ...bench, ...report });
  stdout.write(input.json ? json : renderText(bench, report));
  const missed = report.checks.some(({ verdict }) => verdict === 'missed');
  return input.strict && missed ? 1 : 0;
}

/** Throws HP_BENCH_OPTION. */
function optionsOf({ rounds, short }: CoreBenchCommand): CoreBenchOptions {
  const usual = short ? SHORT_OPTIONS : USUAL_OPTIONS;
  if (rounds === undefined) return usual;
  const count = /^\d+$/.test(rounds) ? Number(rounds) : 0;
  if (count >= 1 && count <= ROUNDS_MAX) return { ...usual, rounds: count };
  const problem = `'${rounds}' is not a whole number from 1 to ${ROUNDS_MAX}`;
  throw badOption('rounds', problem, 'bench core');
}
