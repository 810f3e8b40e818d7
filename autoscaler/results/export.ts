/** The lines of a result folder as CSV, for tools that read tables: a file for each kind. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { csvField } from '../../base/csv.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsExist, resultsUnwritable } from './errors.ts';
import { readLines, readManifest } from './reader.ts';
import { invocationSchema, loadSchema, memoryStepSchema, operationSchema } from './schema.ts';

export interface ExportedFile {
  readonly path: string;
  readonly rows: number;
}

/**
 * Columns are the fields of the format in their order; what is null is empty. The checks of memory
 * have lists in them and are left out. Throws `HP_RESULTS_*`, `HP_REPORT_INTERRUPTED`.
 */
export async function exportCsv(
  folder: string,
  out: string,
  signal: AbortSignal,
): Promise<ExportedFile[]> {
  await readManifest(folder);
  await makeFolder(out);
  const table = (name: string, fields: object): CsvFile =>
    new CsvFile(join(out, `${name}.csv`), Object.keys(fields));
  const tables: CsvFile[] = [];
  try {
    const operations = table('operations', operationSchema.shape);
    tables.push(operations);
    const invocations = table('invocations', invocationSchema.shape);
    tables.push(invocations);
    const memory = table('memory', memoryStepSchema.shape);
    tables.push(memory);
    const load = table('load', loadSchema.shape);
    tables.push(load);
    await readLines(
      folder,
      {
        operation: (line) => operations.add(line),
        invocation: (line) => invocations.add(line),
        memory: (line) => (line.kind === 'step' ? memory.add(line) : undefined),
        load: (line) => load.add(line),
      },
      signal,
    );
  } finally {
    for (const one of tables) one.close();
  }
  return tables.map(({ path, rows }) => ({ path, rows }));
}

/** Of a file at once. */
const BUFFERED_CHARS = 64 * 1024;

class CsvFile {
  readonly path: string;
  rows = 0;
  readonly #columns: readonly string[];
  readonly #fd: number;
  #text: string;

  constructor(path: string, columns: readonly string[]) {
    this.path = path;
    this.#columns = columns;
    this.#text = `${columns.join(',')}\n`;
    try {
      this.#fd = openSync(path, 'wx');
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? resultsExist(path) : resultsUnwritable(path, error);
    }
  }

  add(line: object): void {
    const values = new Map<string, unknown>(Object.entries(line));
    this.#text += `${this.#columns.map((name) => csvField(values.get(name))).join(',')}\n`;
    this.rows += 1;
    if (this.#text.length >= BUFFERED_CHARS) this.#write();
  }

  close(): void {
    try {
      this.#write();
    } finally {
      closeSync(this.#fd);
    }
  }

  #write(): void {
    try {
      writeSync(this.#fd, this.#text);
    } catch (error) {
      throw resultsUnwritable(this.path, error);
    }
    this.#text = '';
  }
}
