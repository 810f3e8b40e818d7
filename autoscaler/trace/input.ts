/** A trace file as rows: its bytes, their hash, and what every format has in common. */
import { createHash } from 'node:crypto';
import { isHotplaneError } from '../../base/errors.ts';
import { streamInput } from '../../base/plain-file.ts';
import { traceRow, traceUnreadable } from './errors.ts';
import { TRACE_LIMITS } from './limits.ts';
import type { RuleCounts } from './rules.ts';
import { ByteScanner, type TakeLine } from './scanner.ts';
import type { TraceInput } from './trace.ts';

/** A file of 300 MB is read in 300 pieces. */
const READ_BYTES = 1024 * 1024;

/** A chunk may be written over when the next one is asked for. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface RowReader {
  readonly rules: RuleCounts;
  /** The first line, without a byte order mark. */
  readonly onHeader: (row: ByteScanner) => void;
  /** Every other one that is not blank. */
  readonly onRow: (row: ByteScanner) => void;
  /** Of such a row, too, what it can take by itself. */
  readonly take?: TakeLine;
  readonly signal?: AbortSignal | undefined;
}

/** The bytes of a file or a pipe. Throws `HP_TRACE_MISSING`, `HP_TRACE_UNREADABLE`. */
export async function* chunksOf(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* streamInput(path, { buffer_bytes: READ_BYTES, signal });
  } catch (error) {
    if (isHotplaneError(error) && error.code !== 'HP_FILE_NOT_PLAIN') throw error;
    throw traceUnreadable(path, error);
  }
}

/**
 * Tells every row of a stream. Throws `HP_TRACE_ROW` for a line that is too long and for blank
 * lines with rows below them, and whatever `reader` throws.
 */
export async function readRows(
  chunks: Chunks,
  path: string,
  { rules, onHeader, onRow, take }: RowReader,
): Promise<TraceInput> {
  const hash = createHash('sha256');
  let bytes = 0;
  let blank_line = 0;
  const scanner = new ByteScanner({
    limit_bytes: TRACE_LIMITS.line_bytes,
    // Behind a blank line every row is one too many, and is told.
    take: take && ((view, begin, to) => (blank_line === 0 ? take(view, begin, to) : 0)),
    onRow: (row) => {
      if (row.line === 1) return onHeader(row);
      if (row.fields === 1 && row.is_blank) blank_line ||= row.line;
      else if (blank_line === 0) onRow(row);
      else throw traceRow({ path, line: blank_line, column: 'row', value: '', problem: BLANK });
    },
    onTooLong: (value, line) => {
      const problem = `starts a line of more than ${TRACE_LIMITS.line_bytes} bytes`;
      throw traceRow({ path, line, column: 'row', value, problem });
    },
  });
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    scanner.push(chunk);
  }
  scanner.end();
  rules.note('byte-order-mark', 1, Number(scanner.has_byte_order_mark));
  rules.note('carriage-returns', null, scanner.returns);
  rules.note('blank-end-lines', blank_line, blank_line > 0 ? scanner.line + 1 - blank_line : 0);
  return { path, bytes, sha256: hash.digest('hex') };
}

const BLANK = 'has 0 fields, and rows come after it';
