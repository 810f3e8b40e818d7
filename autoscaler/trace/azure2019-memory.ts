/**
 * Reader of the memory file of the Azure Functions trace 2019 (Microsoft, CC-BY 4.0; Shahrad et
 * al., USENIX ATC 2020), `app_memory_percentiles`: for every application and day the average and
 * eight percentiles of its allocated memory, in MB, read as MiB. Columns are found by their names:
 * pieces of the trace have a column more and another order.
 */
import { isHotplaneError } from '../../base/errors.ts';
import { LineSplitter } from '../../base/lines.ts';
import { streamInput } from '../../base/plain-file.ts';
import { MIB } from '../../base/units.ts';
import { seriesUnreadable, traceEmpty, traceHeader, traceRow, traceTooLong } from './errors.ts';
import { TRACE_LIMITS } from './limits.ts';
import { type AppMemory, MEMORY_SHARES } from './memory-series.ts';

const SHARE_COLUMNS = MEMORY_SHARES.map((share) => `AverageAllocatedMb_pct${share * 100}`);
/** What the header must have, in any order and among others. */
const COLUMNS = ['HashApp', 'SampleCount', ...SHARE_COLUMNS];
const NUMBER = /^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const READ_BYTES = 1024 * 1024;

/** Reads a file or a pipe. Throws `HP_TRACE_*`, with file, line and column. */
export async function readAzure2019Memory(
  path: string,
  signal?: AbortSignal,
): Promise<readonly AppMemory[]> {
  const rows: AppMemory[] = [];
  let columns: ReadonlyMap<string, number> | null = null;
  const lines = new LineSplitter({
    limit_bytes: TRACE_LIMITS.line_bytes,
    onLine: (text, line) => {
      if (columns === null) columns = headerOf(text, path);
      else if (text.trim() !== '') rows.push(rowOf(text.split(','), columns, { path, line }));
      if (rows.length > TRACE_LIMITS.memory_rows)
        throw traceTooLong(path, TRACE_LIMITS.memory_rows);
    },
    onTooLong: (value, line) => {
      const problem = `starts a line of more than ${TRACE_LIMITS.line_bytes} bytes`;
      throw traceRow({ path, line, column: 'row', value, problem });
    },
  });
  try {
    const stream = streamInput(path, { highWaterMark: READ_BYTES, signal });
    for await (const chunk of stream as AsyncIterable<Uint8Array>) lines.push(chunk);
    lines.end();
  } catch (error) {
    if (isHotplaneError(error) && error.code !== 'HP_FILE_NOT_PLAIN') throw error;
    throw seriesUnreadable(path, error);
  }
  if (columns === null) throw traceHeader(path, COLUMNS.join(','), '');
  if (rows.length === 0) throw traceEmpty(path);
  return rows;
}

function headerOf(text: string, path: string): ReadonlyMap<string, number> {
  const names = text.replace(/^\uFEFF/, '').split(',');
  const columns = new Map(names.map((name, index) => [name.trim(), index]));
  if (COLUMNS.some((name) => !columns.has(name))) throw traceHeader(path, COLUMNS.join(','), text);
  return columns;
}

function rowOf(
  fields: readonly string[],
  columns: ReadonlyMap<string, number>,
  place: { readonly path: string; readonly line: number },
): AppMemory {
  if (fields.length !== columns.size) {
    const problem = `has ${fields.length} fields instead of ${columns.size}`;
    throw traceRow({ ...place, column: 'row', value: fields.join(','), problem });
  }
  const field = (column: string): string => fields[columns.get(column) ?? -1] ?? '';
  const numberOf = (column: string, most: number): number => {
    const value = field(column);
    const number = NUMBER.test(value) ? Number(value) : Number.NaN;
    if (number <= most) return number;
    const problem = Number.isFinite(number) ? `is more than ${most}` : 'is not a number';
    throw traceRow({ ...place, column, value, problem });
  };
  const mib = SHARE_COLUMNS.map((column) => numberOf(column, TRACE_LIMITS.memory_mib));
  for (const [index, column] of SHARE_COLUMNS.entries()) {
    if (index === 0 || (mib[index] ?? 0) >= (mib[index - 1] ?? 0)) continue;
    const problem = 'is below the percentile before it';
    throw traceRow({ ...place, column, value: field(column), problem });
  }
  const parts = [field('HashApp'), columns.has('HashFunction') ? field('HashFunction') : ''];
  return {
    name: parts.filter((part) => part !== '').join('/'),
    samples: numberOf('SampleCount', Number.MAX_SAFE_INTEGER),
    percentiles_bytes: mib.map((value) => Math.round(value * MIB)),
  };
}
