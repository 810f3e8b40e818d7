/**
 * Reader of the memory file of the Azure Functions trace 2019 (Microsoft, CC-BY 4.0; Shahrad et
 * al., USENIX ATC 2020), `app_memory_percentiles`: for every application and day the average and
 * eight percentiles of its allocated memory, in MB, read as MiB. Columns are found by their names:
 * pieces of the trace have a column more and another order.
 */
import { isHotplaneError } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import { seriesUnreadable, traceEmpty, traceHeader, traceTooLong } from './errors.ts';
import { Columns } from './header.ts';
import { chunksOf, readRows } from './input.ts';
import { TRACE_LIMITS } from './limits.ts';
import { type AppMemory, MEMORY_SHARES } from './memory-series.ts';
import { RuleCounts } from './rules.ts';
import type { ByteScanner } from './scanner.ts';
import type { TraceInput } from './trace.ts';

const SHARE_COLUMNS = MEMORY_SHARES.map((share) => `AverageAllocatedMb_pct${share * 100}`);
/** What the header must have, in any order and among others. */
const COLUMNS = ['HashApp', 'SampleCount', ...SHARE_COLUMNS];

export interface MemoryFile {
  readonly input: TraceInput;
  readonly apps: readonly AppMemory[];
}

/** Reads a file or a pipe. Throws `HP_TRACE_*`, with file, line and column. */
export async function readAzure2019Memory(
  path: string,
  signal?: AbortSignal,
): Promise<readonly AppMemory[]> {
  try {
    return (await readMemoryFile(path, null, signal)).apps;
  } catch (error) {
    const is_unreadable =
      isHotplaneError(error) && ['HP_TRACE_MISSING', 'HP_TRACE_UNREADABLE'].includes(error.code);
    throw is_unreadable ? seriesUnreadable(path, error.cause) : error;
  }
}

/**
 * The same as a part of a trace. `rules`: whole published days have rows that are no memory or not
 * in order, which are then dealt with and counted; null: they are errors.
 */
export async function readMemoryFile(
  path: string,
  rules: RuleCounts | null,
  signal?: AbortSignal,
): Promise<MemoryFile> {
  const apps = new Map<string, AppMemory>();
  const rows: AppMemory[] = [];
  let columns: Columns | null = null;
  const input = await readRows(chunksOf(path, signal), path, {
    rules: rules ?? new RuleCounts(),
    onHeader: (row) => {
      columns = new Columns(row, path, COLUMNS);
    },
    onRow: (row) => {
      const found = columns && rowOf(row, columns, rules);
      if (!found) return;
      if (rules && apps.has(found.name)) return rules.note('duplicate-row', row.line);
      if (rules) apps.set(found.name, found);
      rows.push(found);
      if (rows.length > TRACE_LIMITS.memory_rows)
        throw traceTooLong(path, TRACE_LIMITS.memory_rows);
    },
  });
  if (columns === null) throw traceHeader(path, COLUMNS.join(','), '');
  if (rows.length === 0) throw traceEmpty(path);
  return { input, apps: rows };
}

/** Null: a rule leaves it out. */
function rowOf(row: ByteScanner, columns: Columns, rules: RuleCounts | null): AppMemory | null {
  columns.check(row);
  const most = TRACE_LIMITS.memory_mib;
  const mib = SHARE_COLUMNS.map((column) =>
    rules ? columns.signed(row, column, most) : columns.number(row, column, most),
  );
  if (rules && mib.some((value) => value <= 0)) {
    rules.note('nonpositive-memory', row.line);
    return null;
  }
  for (const [index, column] of SHARE_COLUMNS.entries()) {
    const before = mib[index - 1] ?? 0;
    if (index === 0 || (mib[index] ?? 0) >= before) continue;
    const problem = 'is below the percentile before it';
    if (!rules) throw columns.bad(row, column, columns.text(row, column), problem);
    rules.note('percentiles-not-ascending', row.line);
    mib[index] = before;
  }
  const parts = [
    columns.text(row, 'HashApp'),
    columns.has('HashFunction') ? columns.text(row, 'HashFunction') : '',
  ];
  return {
    name: parts.filter((part) => part !== '').join('/'),
    samples: columns.number(row, 'SampleCount', Number.MAX_SAFE_INTEGER),
    percentiles_bytes: mib.map((value) => Math.round(value * MIB)),
  };
}
