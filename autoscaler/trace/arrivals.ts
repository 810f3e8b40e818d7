/**
 * The project's own plain format of a trace: a line for each invocation, `arrival_ms,function,
 * duration_ms`, and where they are known `app` and `memory_mib` (of one instance of the function;
 * the largest counts). Columns in any order, rows too.
 */
import { MIB } from '../../base/units.ts';
import { ColumnsBuilder } from './columns.ts';
import { traceEmpty, traceHeader, traceTooLong } from './errors.ts';
import { Columns } from './header.ts';
import { type Chunks, readRows } from './input.ts';
import { TRACE_LIMITS } from './limits.ts';
import { qualityOf } from './quality.ts';
import { RuleCounts } from './rules.ts';
import type { ByteScanner } from './scanner.ts';
import type { Trace } from './trace.ts';

export const ARRIVALS_COLUMNS = ['arrival_ms', 'function', 'duration_ms'] as const;
const MORE_COLUMNS = ['app', 'memory_mib'];

/** Reads the format; `path` is for messages. Throws `HP_TRACE_*`. */
export async function parseArrivals(chunks: Chunks, path: string): Promise<Trace> {
  const rules = new RuleCounts();
  const rows = new ArrivalRows(rules);
  let columns: Columns | null = null;
  const input = await readRows(chunks, path, {
    rules,
    onHeader: (row) => {
      columns = new Columns(row, path, ARRIVALS_COLUMNS);
      const known: readonly string[] = [...ARRIVALS_COLUMNS, ...MORE_COLUMNS];
      if (columns.names.some((name) => !known.includes(name))) {
        throw traceHeader(path, `${ARRIVALS_COLUMNS.join(',')}[,app][,memory_mib]`, row.whole);
      }
    },
    onRow: (row) => {
      if (columns) rows.add(row, columns);
    },
  });
  if (!columns) throw traceHeader(path, ARRIVALS_COLUMNS.join(','), '');
  return rows.finish(input);
}

class ArrivalRows {
  readonly #rules: RuleCounts;
  readonly #index_of = new Map<string, number>();
  readonly #functions: {
    app: string;
    func: string;
    invocations: number;
    memory_bytes?: number;
  }[] = [];
  readonly #builder = new ColumnsBuilder();
  #above_ms = Number.NEGATIVE_INFINITY;

  constructor(rules: RuleCounts) {
    this.#rules = rules;
  }

  add(row: ByteScanner, columns: Columns): void {
    columns.check(row);
    const most_ms = TRACE_LIMITS.seconds * 1000;
    const arrival_ms = rounded(columns.signed(row, 'arrival_ms', most_ms));
    const duration_ms = rounded(columns.number(row, 'duration_ms', most_ms));
    const index = this.#functionOf(row, columns);
    const one = this.#functions[index];
    if (one) one.invocations += 1;
    if (one && columns.has('memory_mib')) {
      const memory = columns.number(row, 'memory_mib', TRACE_LIMITS.memory_mib);
      one.memory_bytes = Math.max(one.memory_bytes ?? 0, Math.round(memory * MIB));
    }
    if (arrival_ms < this.#above_ms) this.#rules.note('out-of-order', row.line);
    if (arrival_ms < 0) this.#rules.note('negative-start', row.line);
    if (duration_ms === 0) this.#rules.note('zero-duration', row.line);
    this.#above_ms = arrival_ms;
    this.#builder.add(index, arrival_ms, duration_ms);
    if (this.#builder.length > TRACE_LIMITS.rows) {
      throw traceTooLong(columns.path, TRACE_LIMITS.rows);
    }
  }

  finish(input: Trace['input']): Trace {
    if (this.#builder.length === 0) throw traceEmpty(input.path);
    const invocations = this.#builder.inOrder();
    const functions = this.#functions;
    const quality = qualityOf(functions, invocations, this.#rules);
    return {
      format: 'arrivals',
      input,
      functions,
      invocations,
      quality,
      rules: this.#rules.list(),
    };
  }

  #functionOf(row: ByteScanner, columns: Columns): number {
    const func = columns.name(row, 'function', TRACE_LIMITS.name_bytes);
    const app = columns.has('app') ? columns.name(row, 'app', TRACE_LIMITS.name_bytes) : func;
    const key = `${app},${func}`;
    const known = this.#index_of.get(key);
    if (known !== undefined) return known;
    this.#index_of.set(key, this.#functions.length);
    return this.#functions.push({ app, func, invocations: 0 }) - 1;
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
