/**
 * `hotplane report DIR`: summary.json and report.html again, byte for byte, from the other files.
 */
import { join } from 'node:path';
import { readResults } from '../results/reader.ts';
import { replaceFile, RESULT_FILES } from '../results/writer.ts';
import { renderHtml } from './html.ts';
import { renderMemorySvg } from './memory-chart.ts';
import { summarize, type Summary } from './summary.ts';

export async function rebuildReport(folder: string): Promise<Summary> {
  const data = await readResults(folder);
  const summary = summarize(data);
  replaceFile(join(folder, RESULT_FILES.summary), `${JSON.stringify(summary, null, 2)}\n`);
  replaceFile(join(folder, RESULT_FILES.report), renderHtml(data, summary));
  return summary;
}

/** The memory plot alone, as an SVG file of its own. */
export async function exportSvg(folder: string, file: string): Promise<void> {
  const data = await readResults(folder);
  replaceFile(file, renderMemorySvg(data));
}
