/**
 * Cuts a stream of bytes into lines, whatever the boundaries of its chunks, with a limit on the
 * length of one: a peer that never ends its line cannot fill the memory.
 */
import { Buffer } from 'node:buffer';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Of a line that is too long, as much is told. */
const START_BYTES = 80;

export interface LineSplitterOptions {
  /** Longest line, without its end (`\n`; an `\r` before it is no part of the line either). */
  readonly limit_bytes: number;
  /** Called for every line, empty ones too, with its number, from 1. */
  readonly onLine?: (text: string, number: number) => void;
  /** The same for who decodes by himself: a view of what was pushed. */
  readonly onBytes?: (line: Buffer, number: number) => void;
  /** Called instead, once, for a line beyond the limit: the splitter is over. It may throw. */
  readonly onTooLong: (start: string, number: number) => void;
  /** Default: UTF-8, in which bytes that are none all become the same character. */
  readonly decode?: (bytes: Buffer) => string;
}

export class LineSplitter {
  readonly #options: LineSplitterOptions;
  #parts: Buffer[] = [];
  #held_bytes = 0;
  #number = 1;
  #is_over = false;

  constructor(options: LineSplitterOptions) {
    this.#options = options;
  }

  /** Takes a chunk, which must not change later, and tells the lines it completes. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    while (!this.#is_over) {
      const end = bytes.indexOf(NEWLINE, from);
      this.#hold(bytes.subarray(from, end < 0 ? undefined : end));
      if (end < 0) return;
      this.#finish();
      from = end + 1;
    }
  }

  /** The stream is over; a last line without an end is a line too. */
  end(): void {
    if (this.#held_bytes > 0) this.#finish();
    this.#is_over = true;
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#held_bytes += part.length;
    // A return may belong to the end that is still to come.
    const least_bytes = this.#held_bytes - (part.at(-1) === RETURN ? 1 : 0);
    if (least_bytes > this.#options.limit_bytes) this.#tooLong(Buffer.concat(this.#parts));
  }

  #finish(): void {
    if (this.#is_over) return;
    const [only] = this.#parts;
    const whole = this.#parts.length === 1 && only ? only : Buffer.concat(this.#parts);
    const line = whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole;
    const { onLine, onBytes, decode = utf8 } = this.#options;
    const number = this.#number;
    this.#parts = [];
    this.#held_bytes = 0;
    this.#number += 1;
    onBytes?.(line, number);
    onLine?.(decode(line), number);
  }

  #tooLong(line: Buffer): void {
    this.#is_over = true;
    this.#parts = [];
    this.#held_bytes = 0;
    this.#options.onTooLong(line.toString('utf8', 0, START_BYTES), this.#number);
  }
}

function utf8(bytes: Buffer): string {
  return bytes.toString('utf8');
}
