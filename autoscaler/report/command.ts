/** `hotplane report DIR`: the summary and the page again, and the plot as a file of its own. */
import { join } from 'node:path';
import { RESULT_FILES } from '../results/writer.ts';
import { rebuildReport } from './rebuild.ts';
import { isOfRounds, rebuildRounds, ROUNDS_FILES } from './rounds-folder.ts';
import { renderRounds } from './rounds-text.ts';
import { renderTable } from './table.ts';
import { jsonDocument } from '../../base/json.ts';

export interface ReportCommandInput {
  readonly folder: string;
  /** Also write the memory plot here; null: do not. */
  readonly svg: string | null;
  /** Print summary.json instead of the table. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}

export interface ReportCommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Throws `HP_RESULTS_*`. */
export async function runReportCommand(
  input: ReportCommandInput,
  io: ReportCommandIo,
): Promise<void> {
  if (isOfRounds(input.folder)) {
    const rounds = await rebuildRounds(input.folder, input.signal);
    io.stdout.write(input.json ? jsonDocument(rounds) : renderRounds(rounds));
    io.stderr.write(`report: ${join(input.folder, ROUNDS_FILES.summary)}\n`);
    if (input.svg !== null) io.stderr.write('no plot: name one of its rounds for that\n');
    return;
  }
  const summary = await rebuildReport(input.folder, input.svg, input.signal);
  io.stdout.write(input.json ? jsonDocument(summary) : renderTable(summary));
  io.stderr.write(`report: ${join(input.folder, RESULT_FILES.report)}\n`);
}
