/** `hotplane mux extract`: prints the memory interfaces of functions from their source. */
import { describeError } from '../../base/errors.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { type FoldersRead, sourcesBeside } from './beside.ts';
import { type Extracted, extractionJson, renderExtraction, renderClasses } from './report.ts';
import { type ExtractOptions, extractSource } from './source.ts';

export interface ExtractCommandInput extends ExtractOptions {
  /** One: told in full. More: a line each, and what cannot be read is told in its line. */
  readonly files: readonly string[];
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Throws HP_MUX_SOURCE, HP_MUX_ENTRY, HP_FILE_NOT_PLAIN and errors of the system for one file. */
export async function runExtractCommand(input: ExtractCommandInput): Promise<void> {
  const { files, json, stdout, signal } = input;
  const folders: FoldersRead = new Map();
  const [only] = files;
  if (files.length === 1 && only !== undefined) {
    const extracted = await extractFile(only, input, folders);
    stdout.write(json ? extractionJson([extracted]) : renderExtraction(extracted));
    return;
  }
  const rows: (Extracted | { file: string; error: string })[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    try {
      rows.push(await extractFile(file, input, folders));
    } catch (error) {
      rows.push({ file, error: describeError(error) });
    }
  }
  stdout.write(json ? extractionJson(rows) : renderClasses(rows));
}

async function extractFile(
  file: string,
  options: ExtractOptions,
  folders: FoldersRead,
): Promise<Extracted> {
  const text = await readPlainFile(file);
  const beside = await sourcesBeside(file, folders);
  return { file, extraction: extractSource(file, text, options, beside) };
}
