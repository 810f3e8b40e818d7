/**
 * `hotplane report DIR`: summary.json and report.html again, byte for byte, from the other files.
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { writeWholeSync } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { plotUnwritable, reportInterrupted } from '../results/errors.ts';
import { readLines, readManifest } from '../results/reader.ts';
import { replaceFile, RESULT_FILES } from '../results/writer.ts';
import { renderHtml } from './html.ts';
import { renderMemorySvg } from './charts/memory-chart.ts';
import { RunTally } from './run-tally.ts';
import { summarize, type Summary } from './summary.ts';

/**
 * Reads the folder once; `svg_path`: the memory plot as a file of its own.
 * Throws `HP_RESULTS_*`, `HP_FILE_NOT_PLAIN`; HP_REPORT_INTERRUPTED before anything is written.
 */
export async function rebuildReport(
  folder: string,
  svg_path: string | null = null,
  signal?: AbortSignal,
): Promise<Summary> {
  const heedSignal = async (): Promise<void> => {
    await setImmediate();
    if (signal?.aborted === true) throw reportInterrupted(folder);
  };
  const tally = new RunTally(await readManifest(folder));
  const files = await readLines(folder, tally, signal);
  await heedSignal();
  const summary = summarize(tally, files);
  await heedSignal();
  const page = renderHtml(tally, summary);
  await heedSignal();
  replaceFile(join(folder, RESULT_FILES.summary), jsonDocument(summary));
  replaceFile(join(folder, RESULT_FILES.report), page);
  if (svg_path !== null) writePlot(svg_path, renderMemorySvg(tally));
  return summary;
}

function writePlot(path: string, text: string): void {
  try {
    writeWholeSync(path, text);
  } catch (error) {
    throw plotUnwritable(path, error);
  }
}
