/**
 * Splits a byte stream into lines, whatever the boundaries of its chunks. Holds at most one
 * unfinished line. The published traces have no quoting, so a line is a row.
 */
import { Buffer } from 'node:buffer';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

export interface LineScannerOptions {
  /** Called for every line with its number, from 1, without its line ending. */
  readonly onLine: (line: number, text: string) => void;
  /** Called instead, once, when a line is longer than `longest_bytes`; is expected to throw. */
  readonly onTooLong: (line: number, start: string) => void;
  readonly longest_bytes: number;
  /** Default: UTF-8, in which bytes that are none all become the same character. */
  readonly decode?: (bytes: Buffer) => string;
}

export class LineScanner {
  readonly #options: LineScannerOptions;
  #rest: Buffer = Buffer.alloc(0);
  #line = 0;

  constructor(options: LineScannerOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, from);
      if (end < 0) break;
      this.#finish(bytes.subarray(from, end));
      from = end + 1;
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
  }

  /** The stream is over; a last line without a line ending is a line too. */
  end(): void {
    if (this.#rest.length > 0) this.#finish(Buffer.alloc(0));
  }

  #finish(tail: Buffer): void {
    const whole = this.#rest.length === 0 ? tail : Buffer.concat([this.#rest, tail]);
    this.#rest = Buffer.alloc(0);
    this.#line += 1;
    this.#checkLength(this.#line, whole);
    const end = whole.at(-1) === RETURN ? whole.length - 1 : whole.length;
    const { onLine, decode = utf8 } = this.#options;
    onLine(this.#line, decode(whole.subarray(0, end)));
  }

  #keep(tail: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, tail]);
    this.#checkLength(this.#line + 1, this.#rest);
  }

  #checkLength(line: number, bytes: Buffer): void {
    if (bytes.length <= this.#options.longest_bytes) return;
    this.#options.onTooLong(line, bytes.toString('utf8', 0, 80));
  }
}

function utf8(bytes: Buffer): string {
  return bytes.toString('utf8');
}
