/**
 * What was written since the state file last took everything in: a line each, appended by one
 * system call, which costs a tenth of a transaction. A writer that is killed leaves whole lines
 * and at most a torn last one, on which nobody acted.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { RowChange } from './rows.ts';

/**
 * Bytes of a journal after which the state file takes everything in: seldom, because that waits for
 * the disk, and few enough for the next agent to read them in some ten milliseconds.
 */
export const JOURNAL_BYTES = 1024 * 1024;
/** And after which it does so before anything else is written: nobody has tidied up in between. */
export const JOURNAL_BYTES_MAX = 2 * JOURNAL_BYTES;

/** One line of the log: what was done, or answered, and when. */
export interface LogEntry {
  readonly at_ms: number;
  readonly kind: string;
  /** Plain JSON. */
  readonly entry: object;
}

/** An entry as it is written, its JSON made once for journal and file. */
export type WrittenEntry = Omit<LogEntry, 'entry'> & { readonly entry: string };

/** One write: all of it, or nothing. */
export interface JournalLine {
  /** Counted on for as long as there is a state. */
  readonly sequence: number;
  readonly changes: readonly RowChange[];
  readonly log: readonly WrittenEntry[];
}

export class Journal {
  readonly #fd: number;
  #bytes: number;
  /** Where lines are put together, each over the one before. */
  readonly #line = Buffer.allocUnsafe(LINE_BYTES);

  /** `fd`: opened for appending, and so many bytes long. */
  constructor(fd: number, bytes: number) {
    this.#fd = fd;
    this.#bytes = bytes;
  }

  /**
   * The journal, made where there is none, and its lines; a torn last line is cut off. Throws what
   * the file system says, and an Error for a line that is not whole and not the last.
   */
  static open(path: string): { readonly journal: Journal; readonly lines: JournalLine[] } {
    const fd = openSync(path, 'a+', 0o600);
    try {
      const bytes = readFileSync(path);
      const whole = bytes.lastIndexOf(NEWLINE) + 1;
      const lines = bytes.subarray(0, whole).toString('utf8').split('\n').slice(0, -1);
      const read = lines.map(lineOf);
      if (whole < bytes.length) ftruncateSync(fd, whole);
      return { journal: new Journal(fd, whole), lines: read };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  get isFull(): boolean {
    return this.#bytes >= JOURNAL_BYTES;
  }

  get isOverfull(): boolean {
    return this.#bytes >= JOURNAL_BYTES_MAX;
  }

  /** Throws what the file system says; nothing of the line is left then, or a torn one. */
  append(line: JournalLine): void {
    const bytes = this.#bytesOf(line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      if (written > 0) ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#bytes += written;
  }

  /** Valid until the next line. */
  #bytesOf(line: JournalLine): Buffer {
    const text = textOf(line);
    const most = TEXT_AT + text.length * CHAR_BYTES + 1;
    const bytes = most > LINE_BYTES ? Buffer.allocUnsafe(most) : this.#line;
    const end = TEXT_AT + bytes.write(text, TEXT_AT, 'utf8');
    bytes.write(`${sumOf(bytes.subarray(TEXT_AT, end))} `, 0, 'latin1');
    bytes[end] = NEWLINE;
    return bytes.subarray(0, end + 1);
  }

  /** The state file has it all. */
  clear(): void {
    ftruncateSync(this.#fd, 0);
    this.#bytes = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const NEWLINE = 0x0a;
/** Hexadecimal digits of the checksum in front of a line, and the blank behind them. */
const SUM_CHARS = 8;
const TEXT_AT = SUM_CHARS + 1;
/** UTF-8 has at most three bytes for what JavaScript counts as one. */
const CHAR_BYTES = 3;
/** Room for most lines; a longer one gets its own. */
const LINE_BYTES = 64 * 1024;

/** Rows and entries are JSON already and are not written as text once more. */
function textOf({ sequence, changes, log }: JournalLine): string {
  let text = `[${sequence},[`;
  let separator = '';
  for (const { table, key, row } of changes) {
    text += `${separator}["${table}",${JSON.stringify(key)},${row}]`;
    separator = ',';
  }
  text += '],[';
  separator = '';
  for (const { at_ms, kind, entry } of log) {
    text += `${separator}[${at_ms},"${kind}",${entry}]`;
    separator = ',';
  }
  return `${text}]]`;
}

function sumOf(text: string | Buffer): string {
  return crc32(text).toString(16).padStart(SUM_CHARS, '0');
}

function lineOf(line: string, index: number): JournalLine {
  const text = line.slice(TEXT_AT);
  if (line.slice(0, SUM_CHARS) !== sumOf(text)) {
    throw new Error(`line ${index + 1} of its journal is damaged`);
  }
  const [sequence, changes, log]: Written = JSON.parse(text);
  return {
    sequence,
    changes: changes.map(([table, key, row]) => {
      return { table, key, row: row === null ? null : JSON.stringify(row) };
    }),
    log: log.map(([at_ms, kind, entry]) => {
      return { at_ms, kind, entry: JSON.stringify(entry) };
    }),
  };
}

type Written = readonly [
  number,
  readonly (readonly [RowChange['table'], string, object | null])[],
  readonly (readonly [number, string, object])[],
];
