/** Reads a ledger: its lines as they lie there, or its records. */
import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { isObject, parseJson } from '../base/json.ts';
import { ledgerError } from './errors.ts';
import { factsOf, type StoredRecord } from './facts.ts';
import { isKind, LEDGER_FORMAT, type LedgerRecord, READ_FORMATS } from './record.ts';
import { existingSegments, type SegmentFile, unreadable } from './segments.ts';

/** Of one look into a file; a line is shorter, and what is not is no record. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** A line without its newline; what is behind the last newline of a file is not whole. */
export interface LedgerLine {
  /** Valid until the next one is read. */
  readonly bytes: Buffer;
  readonly offset: number;
  readonly is_whole: boolean;
}

/**
 * Every line of a file from `from_byte` on, one buffer for all. `visit` returns false to end it. A
 * line that is too long for any record is cut there, and the last one. Throws HP_LEDGER_UNREADABLE.
 */
export function eachLine(
  path: string,
  visit: (line: LedgerLine) => boolean | void,
  from_byte = 0,
): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = open(path);
  try {
    let held = 0;
    let offset = from_byte;
    for (;;) {
      if (held === chunk.length) return void visit({ bytes: chunk, offset, is_whole: true });
      const got = readInto(path, fd, chunk.subarray(held), offset + held);
      const end = held + got;
      const from = eachWhole(chunk.subarray(0, end), offset, visit);
      if (from === null) return;
      chunk.copyWithin(0, from, end);
      held = end - from;
      offset += from;
      if (got > 0) continue;
      if (held > 0) visit({ bytes: chunk.subarray(0, held), offset, is_whole: false });
      return;
    }
  } finally {
    closeSync(fd);
  }
}

/** The same of what is in memory already. */
export function eachLineIn(bytes: Buffer, visit: (line: LedgerLine) => boolean | void): void {
  const from = eachWhole(bytes, 0, visit);
  if (from === null || from === bytes.length) return;
  visit({ bytes: bytes.subarray(from), offset: from, is_whole: false });
}

/** Every line that has its newline; where the rest begins. Null: `visit` ended it. */
function eachWhole(
  bytes: Buffer,
  offset: number,
  visit: (line: LedgerLine) => boolean | void,
): number | null {
  let from = 0;
  for (;;) {
    const stop = bytes.indexOf(0x0a, from);
    if (stop < 0) return from;
    const line = { bytes: bytes.subarray(from, stop), offset: offset + from, is_whole: true };
    if (visit(line) === false) return null;
    from = stop + 1;
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readInto(path: string, fd: number, bytes: Buffer, at_byte: number): number {
  try {
    return readSync(fd, bytes, 0, bytes.length, at_byte);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Throws HP_LEDGER_BROKEN when the line is no record, HP_LEDGER_UNREADABLE for another format. */
export function parseRecord(text: string, where: string): StoredRecord {
  const value = parseJson(text);
  if (!isRecord(value)) throw noRecord(where);
  if (value.kind === 'segment' && !READ_FORMATS.has(value.format)) {
    const message = `${where} has format ${value.format}; this version reads up to ${LEDGER_FORMAT}.`;
    throw ledgerError('HP_LEDGER_UNREADABLE', message, { details: { where } });
  }
  return value;
}

/** The same of every fact of a line. */
function eachFact(text: string, where: string, visit: (record: LedgerRecord) => void): void {
  const record = parseRecord(text, where);
  if (record.and === undefined) return visit(record);
  const facts = factsOf(record);
  if (!facts) throw noRecord(where);
  for (const one of facts) visit(one);
}

function noRecord(where: string): Error {
  return ledgerError('HP_LEDGER_BROKEN', `${where} is no record of a ledger.`, {
    details: { where },
  });
}

function isRecord(value: unknown): value is StoredRecord {
  return (
    isObject(value) &&
    typeof value['seq'] === 'number' &&
    typeof value['at_ms'] === 'number' &&
    typeof value['hash'] === 'string' &&
    typeof value['kind'] === 'string' &&
    isKind(value['kind']) &&
    Array.isArray(value['cause_seq'])
  );
}

/** Every fact of all whole records, the oldest first; a last line that is not whole is left out. */
export function eachRecord(folder: string, visit: (record: LedgerRecord) => void): void {
  for (const segment of existingSegments(folder)) {
    eachLine(segment.path, (line) => {
      if (!line.is_whole) return;
      eachFact(line.bytes.toString('utf8'), whereOf(segment, line), visit);
    });
  }
}

/** How people find a line. Pure. */
export function whereOf({ path }: Pick<SegmentFile, 'path'>, { offset }: LedgerLine): string {
  return `${path} at byte ${offset}`;
}

/** The newest records that fit into so many bytes, over all segments, the oldest of them first. */
export function newestRecords(folder: string, bytes: number): LedgerRecord[] {
  const parts: LedgerRecord[][] = [];
  let left_bytes = bytes;
  for (const segment of existingSegments(folder).toReversed()) {
    if (left_bytes <= 0) break;
    parts.unshift(newestOf(segment, left_bytes));
    left_bytes -= segment.bytes;
  }
  return parts.flat();
}

/** What the last segment begins with. Throws HP_LEDGER_BROKEN where it has no whole record. */
export function lastHeader(folder: string): LedgerRecord {
  const segment = existingSegments(folder).at(-1);
  let text = '';
  if (segment) {
    eachLine(segment.path, ({ bytes, is_whole }) => {
      if (is_whole) text = bytes.toString('utf8');
      return false;
    });
  }
  return parseRecord(text, segment?.path ?? folder);
}

function newestOf(segment: SegmentFile, bytes: number): LedgerRecord[] {
  const found: LedgerRecord[] = [];
  const from_byte = Math.max(0, segment.bytes - bytes);
  let is_part = from_byte > 0;
  const visit = (line: LedgerLine): void => {
    // The first one began before the place where reading did.
    if (!is_part && line.is_whole) {
      eachFact(line.bytes.toString('utf8'), whereOf(segment, line), (one) => found.push(one));
    }
    is_part = false;
  };
  eachLine(segment.path, visit, from_byte);
  return found;
}
