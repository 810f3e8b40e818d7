/** The lines of a result folder as tables, CSV or Parquet: a file for each kind. */
import { join } from 'node:path';
import { makeFolder } from '../../base/make-folder.ts';
import { CsvFile } from './csv-file.ts';
import { ParquetFile } from './parquet-file.ts';
import { readLines, readManifest } from './reader.ts';
import { invocationSchema, loadSchema, memoryStepSchema, operationSchema } from './schema.ts';

export type ExportFormat = 'csv' | 'parquet';

export interface ExportedFile {
  readonly path: string;
  readonly rows: number;
}

const TABLES = {
  operations: operationSchema.shape,
  invocations: invocationSchema.shape,
  memory: memoryStepSchema.shape,
  load: loadSchema.shape,
} as const;

/**
 * Columns are the fields of the format in their order; what is not known is empty (CSV) or null
 * (Parquet). The checks of memory have lists in them and are left out. Throws `HP_RESULTS_*`,
 * `HP_REPORT_INTERRUPTED`.
 */
export async function exportTables(
  folder: string,
  out: string,
  format: ExportFormat,
  signal: AbortSignal,
): Promise<ExportedFile[]> {
  await readManifest(folder);
  await makeFolder(out);
  const tables: (CsvFile | ParquetFile)[] = [];
  const open = (name: keyof typeof TABLES): CsvFile | ParquetFile => {
    const path = join(out, `${name}.${format}`);
    const File = format === 'csv' ? CsvFile : ParquetFile;
    const table = new File(path, TABLES[name]);
    tables.push(table);
    return table;
  };
  let is_whole = false;
  try {
    const operations = open('operations');
    const invocations = open('invocations');
    const memory = open('memory');
    const load = open('load');
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
    is_whole = true;
  } finally {
    for (const one of tables) one.close(is_whole);
  }
  return tables.map(({ path, rows }) => ({ path, rows }));
}
