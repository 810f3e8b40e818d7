/** `hotplane bench reclaim`, without the command line around it. */
import { jsonDocument } from '../../base/json.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import { formatMs } from '../../base/units.ts';
import { BENCH_LIMITS } from '../limits.ts';
import { estimatePlanMs } from './plan/estimate.ts';
import { loadWarning } from './report/load.ts';
import { parseOptions, type RawOptions } from './plan/options.ts';
import { describePlan, makePlan } from './plan/plan.ts';
import { type BenchResult, runBench } from './run.ts';
import { checkTable, headLines, renderText, tablesOf } from './report/table.ts';

export interface BenchCommand {
  readonly options: RawOptions;
  readonly plan_only: boolean;
  readonly strict: boolean;
  readonly json: boolean;
  readonly folder: string;
  readonly hotplane_version: string;
  readonly command: readonly string[];
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runBenchCommand(input: BenchCommand): Promise<number> {
  const { stdout, stderr } = input;
  const plan = makePlan(parseOptions(input.options));
  if (input.plan_only) {
    const estimate = `about ${formatMs(estimatePlanMs(plan, BENCH_LIMITS.vm_bytes))} on two idle cores`;
    stdout.write(
      input.json ? jsonDocument(plan) : `${describePlan(plan).join('\n')}\n${estimate}\n`,
    );
    return 0;
  }
  const result = await runBench({
    plan,
    folder: input.folder,
    hotplane_version: input.hotplane_version,
    command: input.command,
    progress: createProgress({
      stream: stderr,
    }),
    onPlan: (estimate_ms) => {
      const lines = [...describePlan(plan), `about ${formatMs(estimate_ms)} on two idle cores`];
      stderr.write(`${lines.join('\n')}\n`);
    },
    signal: input.signal,
  });
  stdout.write(input.json ? jsonDocument(result.summary) : resultText(result));
  const missed = result.summary.checks.some(({ verdict }) => verdict === 'missed');
  return input.strict && missed ? 1 : 0;
}

function resultText({ manifest, summary, folder }: BenchResult): string {
  const tables = [...tablesOf(summary), checkTable(summary.checks)].map(renderText);
  const failed =
    summary.blocks.failed > 0
      ? [`${summary.blocks.failed} block(s) failed: ${folder}/blocks.jsonl, consoles beside it`]
      : [];
  const load = loadWarning(summary.load);
  const head = [...headLines(manifest), ...(load === null ? [] : [load])].join('\n');
  const parts = [head, ...tables, ...failed, `${folder}/report.html`];
  return `${parts.join('\n\n')}\n`;
}
