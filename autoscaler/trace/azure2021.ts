/**
 * Reader of AzureFunctionsInvocationTraceForTwoWeeksJan2021 (Microsoft, CC-BY 4.0; Zhang et al.,
 * SOSP 2021), as published: `app,func,end_timestamp,duration`, both numbers in seconds, rows in no
 * promised order, zero durations, `func` unique only within its app. The arrival is end - duration.
 * One bad field fails the whole file with its line and column; no row is ever dropped.
 */
import { Buffer } from 'node:buffer';
import { ColumnsBuilder } from './columns.ts';
import { DecimalReader, microsecondsOf } from './decimal.ts';
import { traceEmpty, traceHeader, traceRow, traceTooLong } from './errors.ts';
import { type Chunks, chunksOf, readRows } from './input.ts';
import { TRACE_LIMITS } from './limits.ts';
import { NameTable } from './name-table.ts';
import { RuleCounts } from './rules.ts';
import type { ByteScanner } from './scanner.ts';
import type { Trace, TraceQuality } from './trace.ts';

export const AZURE2021_HEADER = 'app,func,end_timestamp,duration';
const COLUMNS = 4;
const OF_FOUR = `instead of ${COLUMNS}`;
const END = 2;
const DURATION = 3;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const LONGEST_US = TRACE_LIMITS.seconds * 1e6;

export interface TraceLimits {
  /** What the replay can ask of one invocation, in the trace's time; none by default. */
  readonly longest_duration_ms?: number;
  /** Ends the reading, also of a pipe that says nothing, with HP_TRACE_UNREADABLE. */
  readonly signal?: AbortSignal;
}

/** Reads a file or a pipe of the 2021 format. Throws `HP_TRACE_*`. */
export async function readAzure2021(path: string, limits: TraceLimits = {}): Promise<Trace> {
  return await parseAzure2021(chunksOf(path, limits.signal), path, limits);
}

/** The same from any stream of bytes; `path` is only for messages and the manifest. */
export async function parseAzure2021(
  chunks: Chunks,
  path: string,
  limits: TraceLimits = {},
): Promise<Trace> {
  const rows = new RowCollector(path, limits);
  const input = await readRows(chunks, path, {
    rules: rows.rules,
    onHeader: (row) => rows.header(row),
    onRow: (row) => rows.add(row),
    take: (bytes, begin, to) => rows.take(bytes, begin, to),
  });
  return rows.finish(input);
}

/** Takes lines in file order, keeps what they say, and ends as a sorted trace. */
class RowCollector {
  readonly rules = new RuleCounts();
  readonly #path: string;
  readonly #names = new NameTable();
  readonly #functions: { app: string; func: string; invocations: number }[] = [];
  readonly #decimals = new DecimalReader();
  /** So many bytes the names of the last line had: most of the published ones have the same. */
  #name_bytes = 0;
  readonly #columns = new ColumnsBuilder();
  readonly #longest_us: number;
  #has_header = false;
  #zero_durations = 0;
  #out_of_order_rows = 0;
  #negative_starts = 0;
  #above_us = Number.NEGATIVE_INFINITY;
  #last_end_us = Number.NEGATIVE_INFINITY;

  constructor(path: string, { longest_duration_ms = Number.POSITIVE_INFINITY }: TraceLimits) {
    this.#path = path;
    this.#longest_us = longest_duration_ms * 1000;
  }

  header(row: ByteScanner): void {
    this.#has_header = true;
    if (row.whole !== AZURE2021_HEADER) throw traceHeader(this.#path, AZURE2021_HEADER, row.whole);
  }

  add(row: ByteScanner): void {
    if (row.fields !== COLUMNS) {
      throw this.#bad(row, 'row', row.whole, `has ${row.fields} fields ${OF_FOUR}`);
    }
    const function_index = this.#functionOf(row);
    const end_us = this.#seconds(row, END, 'end_timestamp');
    const duration_us = this.#seconds(row, DURATION, 'duration');
    if (duration_us > this.#longest_us) throw this.#tooLong(row);
    this.#note(function_index, end_us, duration_us);
  }

  /**
   * A row as nearly all of a published file are: a function that was met before, and two plain
   * numbers. Whatever is otherwise with it, it is left to {@link add}, which tells.
   */
  take(bytes: DataView, begin: number, to: number): number {
    const name_end = begin + this.#name_bytes;
    if (this.#name_bytes === 0 || name_end >= to) return 0;
    if (bytes.getUint8(name_end) !== COMMA) return 0;
    const function_index = this.#names.find(bytes, begin, name_end);
    if (function_index < 0) return 0;
    const decimals = this.#decimals;
    const end_us = decimals.read(bytes, name_end + 1, to);
    const { stop } = decimals;
    if (!(end_us <= LONGEST_US) || stop !== COMMA) return 0;
    const duration_us = decimals.read(bytes, decimals.end + 1, to);
    if (!(duration_us <= LONGEST_US) || decimals.stop !== NEWLINE) return 0;
    if (duration_us > this.#longest_us) return 0;
    this.#note(function_index, end_us, duration_us);
    return decimals.end + 1;
  }

  #note(function_index: number, end_us: number, duration_us: number): void {
    const entry = this.#functions[function_index];
    if (entry) entry.invocations += 1;
    const arrival_us = end_us - duration_us;
    if (arrival_us < this.#above_us) this.#out_of_order_rows += 1;
    if (arrival_us < 0) this.#negative_starts += 1;
    if (duration_us === 0) this.#zero_durations += 1;
    this.#above_us = arrival_us;
    if (end_us > this.#last_end_us) this.#last_end_us = end_us;
    this.#columns.add(function_index, arrival_us / 1000, duration_us / 1000);
    if (this.#columns.length > TRACE_LIMITS.rows) {
      throw traceTooLong(this.#path, TRACE_LIMITS.rows);
    }
  }

  finish(input: Trace['input']): Trace {
    if (!this.#has_header) throw traceHeader(this.#path, AZURE2021_HEADER, '');
    if (this.#columns.length === 0) throw traceEmpty(this.#path);
    this.rules.note('zero-duration', null, this.#zero_durations);
    this.rules.note('out-of-order', null, this.#out_of_order_rows);
    this.rules.note('negative-start', null, this.#negative_starts);
    const invocations = this.#columns.inOrder();
    return {
      format: 'azure2021',
      input,
      functions: this.#functions,
      invocations,
      quality: this.#quality(invocations.length, invocations.arrival_ms[0] ?? 0),
      rules: this.rules.list(),
    };
  }

  #functionOf(row: ByteScanner): number {
    this.#name_bytes = row.to(1) - row.begin;
    const known = this.#names.find(row.view, row.begin, row.to(1));
    return known < 0 ? this.#newFunction(row) : known;
  }

  #newFunction(row: ByteScanner): number {
    const [app, func] = [this.#name(row, 0, 'app'), this.#name(row, 1, 'func')];
    this.#functions.push({ app, func, invocations: 0 });
    return this.#names.add(row.view, row.begin, row.to(1));
  }

  #name(row: ByteScanner, field: number, column: string): string {
    const value = row.text(field);
    const bytes = Buffer.byteLength(value);
    const long = bytes > TRACE_LIMITS.name_bytes;
    if (value.startsWith('"')) throw this.#bad(row, column, value, 'is quoted; no field is');
    if (value.trim() !== '' && !long) return value;
    const problem = long
      ? `is longer than ${TRACE_LIMITS.name_bytes} bytes (${bytes})`
      : 'is empty';
    throw this.#bad(row, column, value, problem);
  }

  #seconds(row: ByteScanner, field: number, column: string): number {
    const microseconds = microsecondsOf(row.bytes, row.from(field), row.to(field));
    if (microseconds <= LONGEST_US) return microseconds;
    const value = row.text(field);
    if (Number.isFinite(microseconds)) {
      throw this.#bad(row, column, value, `is more than ${TRACE_LIMITS.seconds} seconds`);
    }
    const negative = /^-\d/.test(value) && Number.isFinite(Number(value));
    throw this.#bad(row, column, value, negative ? 'is negative' : 'is not a number of seconds');
  }

  #tooLong(row: ByteScanner): Error {
    const longest_s = this.#longest_us / 1e6;
    const problem = `is longer than an invocation may take, ${longest_s} s of the trace`;
    return this.#bad(row, 'duration', row.text(DURATION), problem);
  }

  #bad(row: ByteScanner, column: string, value: string, problem: string): Error {
    return traceRow({ path: this.#path, line: row.line, column, value, problem });
  }

  #quality(rows: number, first_arrival_ms: number): TraceQuality {
    return {
      rows,
      apps: new Set(this.#functions.map(({ app }) => app)).size,
      functions: this.#functions.length,
      zero_durations: this.#zero_durations,
      out_of_order_rows: this.#out_of_order_rows,
      negative_starts: this.#negative_starts,
      first_arrival_ms,
      span_ms: Math.round(this.#last_end_us - first_arrival_ms * 1000) / 1000,
    };
  }
}
