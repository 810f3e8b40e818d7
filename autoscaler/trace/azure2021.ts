/**
 * Reader of AzureFunctionsInvocationTraceForTwoWeeksJan2021 (Microsoft, CC-BY 4.0; Zhang et al.,
 * SOSP 2021), as published: `app,func,end_timestamp,duration`, both numbers in seconds, rows in no
 * promised order, zero durations, `func` unique only within its app. The arrival is end - duration.
 * One bad field fails the whole file with its line and column; no row is ever dropped. Empty lines
 * at the end are no rows.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { TRACE_LIMITS } from './limits.ts';
import { LineSplitter } from '../../base/lines.ts';
import { streamInput } from '../../base/plain-file.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { traceEmpty, traceHeader, traceRow, traceTooLong, traceUnreadable } from './errors.ts';
import { decodeEveryByte } from './escape-bytes.ts';
import type { Trace, TraceInvocation, TraceQuality } from './trace.ts';

export const AZURE2021_HEADER = 'app,func,end_timestamp,duration';
const COLUMNS = 4;
const OF_FOUR = `instead of ${COLUMNS}`;
/** Bytes of one read; a file of 300 MB is read in 300 pieces. */
const READ_BYTES = 1024 * 1024;
const BYTE_ORDER_MARK = '\uFEFF';
const NUMBER = /^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export interface TraceLimits {
  /** What the replay can ask of one invocation, in the trace's time; none by default. */
  readonly longest_duration_ms?: number;
  /** Ends the reading, also of a pipe that says nothing, with HP_TRACE_UNREADABLE. */
  readonly signal?: AbortSignal;
}

/** Reads a file or a pipe of the 2021 format. Throws `HP_TRACE_*`. */
export async function readAzure2021(path: string, limits: TraceLimits = {}): Promise<Trace> {
  try {
    const stream = streamInput(path, { highWaterMark: READ_BYTES, signal: limits.signal });
    return await parseAzure2021(stream as AsyncIterable<Uint8Array>, path, limits);
  } catch (error) {
    if (isHotplaneError(error) && error.code !== 'HP_FILE_NOT_PLAIN') throw error;
    throw traceUnreadable(path, error);
  }
}

/** The same from any stream of bytes; `path` is only for messages and the manifest. */
export async function parseAzure2021(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  path: string,
  limits: TraceLimits = {},
): Promise<Trace> {
  const rows = new RowCollector(path, limits);
  const hash = createHash('sha256');
  let bytes = 0;
  const lines = new LineSplitter({
    limit_bytes: TRACE_LIMITS.line_bytes,
    onLine: (text, line) => rows.add(line, text),
    onTooLong: (value, line) => {
      const problem = `starts a line of more than ${TRACE_LIMITS.line_bytes} bytes`;
      throw traceRow({ path, line, column: 'row', value, problem });
    },
    decode: decodeEveryByte,
  });
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    lines.push(chunk);
  }
  lines.end();
  return rows.finish({ path, bytes, sha256: hash.digest('hex') });
}

/** Takes lines in file order, keeps what they say, and ends as a sorted trace. */
class RowCollector {
  readonly #path: string;
  readonly #apps = new Set<string>();
  readonly #index_of = new Map<string, number>();
  readonly #functions: { app: string; func: string; invocations: number }[] = [];
  readonly #invocations: TraceInvocation[] = [];
  readonly #longest_duration_ms: number;
  #header = '';
  /** The first of the empty lines the file may end with; 0: none so far. */
  #empty_line = 0;
  #zero_durations = 0;
  #out_of_order_rows = 0;
  #negative_starts = 0;
  #last_end_ms = Number.NEGATIVE_INFINITY;

  constructor(path: string, { longest_duration_ms = Number.POSITIVE_INFINITY }: TraceLimits) {
    this.#path = path;
    this.#longest_duration_ms = longest_duration_ms;
  }

  add(line: number, text: string): void {
    if (line === 1) return this.#readHeader(text);
    if (line - 1 > TRACE_LIMITS.rows) throw traceTooLong(this.#path, TRACE_LIMITS.rows);
    if (text.trim() === '') {
      this.#empty_line ||= line;
      return;
    }
    if (this.#empty_line > 0) throw this.#badRow(this.#empty_line, '', `has 0 fields ${OF_FOUR}`);
    const fields = text.split(',');
    if (fields.length !== COLUMNS) {
      throw this.#badRow(line, text, `has ${fields.length} fields ${OF_FOUR}`);
    }
    const [app = '', func = '', end = '', duration = ''] = fields;
    this.#needName(line, 'app', app);
    this.#needName(line, 'func', func);
    const end_ms = this.#needSeconds(line, 'end_timestamp', end);
    const duration_ms = this.#needSeconds(line, 'duration', duration);
    this.#needDuration(line, duration, duration_ms);
    this.#keep(app, func, end_ms, duration_ms);
  }

  finish(input: Trace['input']): Trace {
    if (this.#header === '') throw traceHeader(this.#path, AZURE2021_HEADER, '');
    if (this.#invocations.length === 0) throw traceEmpty(this.#path);
    const invocations = this.#invocations.toSorted((a, b) => a.arrival_ms - b.arrival_ms);
    return {
      format: 'azure2021',
      input,
      functions: this.#functions,
      invocations,
      quality: this.#quality(invocations[0]?.arrival_ms ?? 0),
    };
  }

  #readHeader(text: string): void {
    this.#header = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    if (this.#header !== AZURE2021_HEADER) throw traceHeader(this.#path, AZURE2021_HEADER, text);
  }

  #keep(app: string, func: string, end_ms: number, duration_ms: number): void {
    const arrival_ms = toMicroseconds(end_ms - duration_ms);
    const above = this.#invocations.at(-1);
    if (above && arrival_ms < above.arrival_ms) this.#out_of_order_rows += 1;
    if (arrival_ms < 0) this.#negative_starts += 1;
    if (duration_ms === 0) this.#zero_durations += 1;
    this.#last_end_ms = Math.max(this.#last_end_ms, end_ms);
    this.#apps.add(app);
    const function_index = this.#indexOf(app, func);
    this.#invocations.push({ function_index, arrival_ms, duration_ms });
  }

  #indexOf(app: string, func: string): number {
    const key = `${app},${func}`;
    const known = this.#index_of.get(key);
    const index = known ?? this.#functions.length;
    if (known === undefined) {
      this.#index_of.set(key, index);
      this.#functions.push({ app, func, invocations: 0 });
    }
    const entry = this.#functions[index];
    if (entry) entry.invocations += 1;
    return index;
  }

  #needName(line: number, column: string, value: string): void {
    const bytes = Buffer.byteLength(value);
    const long = bytes > TRACE_LIMITS.name_bytes;
    if (value.trim() !== '' && !long) return;
    const problem = long
      ? `is longer than ${TRACE_LIMITS.name_bytes} bytes (${bytes})`
      : 'is empty';
    throw traceRow({ path: this.#path, line, column, value, problem });
  }

  #needDuration(line: number, value: string, duration_ms: number): void {
    const longest_ms = this.#longest_duration_ms;
    if (duration_ms <= longest_ms) return;
    const problem = `is longer than an invocation may take, ${longest_ms / 1000} s of the trace`;
    throw traceRow({ path: this.#path, line, column: 'duration', value, problem });
  }

  #badRow(line: number, value: string, problem: string): Error {
    return traceRow({ path: this.#path, line, column: 'row', value, problem });
  }

  #needSeconds(line: number, column: string, text: string): number {
    const seconds = NUMBER.test(text) ? Number(text) : Number.NaN;
    if (seconds <= TRACE_LIMITS.seconds) return toMicroseconds(seconds * 1000);
    if (Number.isFinite(seconds)) {
      const beyond = `is more than ${TRACE_LIMITS.seconds} seconds`;
      throw traceRow({ path: this.#path, line, column, value: text, problem: beyond });
    }
    const negative = text.startsWith('-') && NUMBER.test(text.slice(1));
    const problem = negative ? 'is negative' : 'is not a number of seconds';
    throw traceRow({ path: this.#path, line, column, value: text, problem });
  }

  #quality(first_arrival_ms: number): TraceQuality {
    return {
      rows: this.#invocations.length,
      apps: this.#apps.size,
      functions: this.#functions.length,
      zero_durations: this.#zero_durations,
      out_of_order_rows: this.#out_of_order_rows,
      negative_starts: this.#negative_starts,
      first_arrival_ms,
      span_ms: toMicroseconds(this.#last_end_ms - first_arrival_ms),
    };
  }
}

/** The file has 1 ms resolution and binary noise below it; times are kept to the microsecond. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
