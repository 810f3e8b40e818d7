/**
 * `hotplane report DIR`: summary.json and report.html again, byte for byte, from the other files.
 */
import { join } from 'node:path';
import { readLines, readManifest } from '../results/reader.ts';
import { replaceFile, RESULT_FILES } from '../results/writer.ts';
import { renderHtml } from './html.ts';
import { renderMemorySvg } from './memory-chart.ts';
import { RunTally } from './run-tally.ts';
import { summarize, type Summary } from './summary.ts';

/** Reads the folder once; `svg_path`: the memory plot as a file of its own. Throws `HP_RESULTS_*`. */
export async function rebuildReport(
  folder: string,
  svg_path: string | null = null,
): Promise<Summary> {
  const tally = new RunTally(await readManifest(folder));
  const summary = summarize(tally, await readLines(folder, tally));
  replaceFile(join(folder, RESULT_FILES.summary), `${JSON.stringify(summary, null, 2)}\n`);
  replaceFile(join(folder, RESULT_FILES.report), renderHtml(tally, summary));
  if (svg_path !== null) replaceFile(svg_path, renderMemorySvg(tally));
  return summary;
}
