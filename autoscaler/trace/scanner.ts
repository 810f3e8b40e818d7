/**
 * Scanner of comma-separated bytes: cuts a stream into lines and lines into fields, whatever the
 * boundaries of its chunks, without making a string of anything. One line is held at a time, and a
 * line that never ends cannot fill the memory.
 */
import { Buffer } from 'node:buffer';
import { decodeEveryByte, decodePart } from './escape-bytes.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const COMMA = 0x2c;
/** Of a line that is too long, as much is told. */
const START_BYTES = 80;
const EVERY_FIELD = 0x7fffffff;
const NO_BYTE = -1;
/** UTF-8 of U+FEFF, which some programs put at the head of a file. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface ScannerOptions {
  /** Longest line, without its end (`\n`; an `\r` before it is no part of the line either). */
  readonly limit_bytes: number;
  /** Called for every line, empty ones too, while the scanner is at it. */
  readonly onRow: (row: ByteScanner) => void;
  /** Called instead for a line beyond the limit, with its start. It must throw. */
  readonly onTooLong: (start: string, line: number) => void;
  /** Asked where each line but the first begins; absent: all lines are cut. */
  readonly take?: TakeLine | undefined;
}

/**
 * Reads a line in `bytes` by itself, without its fields being cut. Returns where the next one
 * begins, at most `to`; 0: it did nothing, and the line is cut as any other, for instance because
 * it is not all there, or because something about it is to be told.
 */
export type TakeLine = (bytes: DataView, begin: number, to: number) => number;

export class ByteScanner {
  readonly #options: ScannerOptions;
  readonly #held: Buffer;
  #held_bytes = 0;
  /** What the line lies in; it may change after `onRow`. */
  bytes: Buffer = Buffer.alloc(0);
  /** The same bytes. */
  view: DataView = viewOf(this.bytes);
  /** Where the line begins in {@link bytes}. */
  begin = 0;
  /** Where each field ends, its comma not counted; `fields` of them are of this line. */
  ends = new Int32Array(64);
  fields = 0;
  /** So many fields are cut at most; what is left of the line is the one after them. */
  cut_fields = EVERY_FIELD;
  /** Of the line at hand, from 1. */
  line = 0;
  /** Lines that end with `\r\n`. */
  returns = 0;
  has_byte_order_mark = false;
  /** The byte that was looked for last, and where in {@link bytes} it is next. */
  #sought = NO_BYTE;
  #sought_at = 0;

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.#held = Buffer.alloc(options.limit_bytes + 2);
  }

  /** Takes a chunk and tells the lines it completes. It may be written over afterwards. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    if (this.#held_bytes > 0) {
      const end = bytes.indexOf(NEWLINE);
      this.#hold(bytes.subarray(0, end < 0 ? undefined : end + 1));
      if (end < 0) return;
      const length = this.#held_bytes;
      this.#held_bytes = 0;
      this.#scan(this.#held, 0, length);
      from = end + 1;
    }
    const rest = this.#scan(bytes, from, bytes.length);
    if (rest < bytes.length) this.#hold(bytes.subarray(rest));
  }

  /** The stream is over; a last line without an end is a line too. */
  end(): void {
    const length = this.#held_bytes;
    this.#held_bytes = 0;
    if (length === 0) return;
    this.#held[length] = NEWLINE;
    this.#scan(this.#held, 0, length + 1);
  }

  /** Where a field begins. */
  from(field: number): number {
    return field === 0 ? this.begin : (this.ends[field - 1] ?? 0) + 1;
  }

  /** Where it ends. */
  to(field: number): number {
    return this.ends[field] ?? 0;
  }

  text(field: number): string {
    return decodePart(this.bytes, this.from(field), this.to(field));
  }

  /** Whether a byte is anywhere in the line. One that is in none is looked for once a chunk. */
  has(byte: number): boolean {
    if (byte !== this.#sought || this.#sought_at < this.begin) {
      const at = this.bytes.indexOf(byte, this.begin);
      this.#sought = byte;
      this.#sought_at = at < 0 ? this.bytes.length : at;
    }
    return this.#sought_at < this.to(this.fields - 1);
  }

  /** The line as it is. */
  get whole(): string {
    return decodeEveryByte(this.bytes.subarray(this.begin, this.to(this.fields - 1)));
  }

  /** Whether nothing but blanks is in the line. */
  get is_blank(): boolean {
    return this.fields === 1 && this.to(0) - this.begin < 1_024 && this.whole.trim() === '';
  }

  /** Cuts all of the line at hand, whatever {@link cut_fields} says. */
  cutAll(): void {
    const end = this.to(this.fields - 1);
    let fields = 0;
    for (let at = this.begin; at < end; at += 1) {
      if (this.bytes[at] !== COMMA) continue;
      if (fields + 1 >= this.ends.length) this.#widen();
      this.ends[fields] = at;
      fields += 1;
    }
    this.ends[fields] = end;
    this.fields = fields + 1;
  }

  /** Tells the lines that end in `bytes`; returns where the first that does not begins. */
  #scan(bytes: Buffer, from: number, to: number): number {
    const { limit_bytes, onRow } = this.#options;
    let { ends } = this;
    let fields = 0;
    let begin = from;
    const words = wordsOf(bytes, to);
    if (this.bytes !== bytes) this.view = viewOf(bytes);
    this.bytes = bytes;
    this.#sought = NO_BYTE;
    if (this.line > 0) begin = this.#takeLines(begin, to);
    for (let at = begin; at < to; at += 1) {
      if ((at & 3) === 0) {
        at = pastPlain(words, at >> 2) * 4;
        for (let pair = pairAt(words, at >> 2); pair >= 0; pair = pairAt(words, at >> 2)) {
          if (fields + 2 > this.cut_fields) break;
          if (fields + 2 >= ends.length) ends = this.#widen();
          ends[fields] = at + pair;
          ends[fields + 1] = at + pair + 2;
          fields += 2;
          at += 4;
        }
        if (at >= to) break;
      }
      if (fields >= this.cut_fields) {
        const end = bytes.indexOf(NEWLINE, at);
        if (end < 0 || end >= to) break;
        at = end;
      }
      const byte = bytes[at] ?? 0;
      if (byte > COMMA) continue;
      if (byte === COMMA) {
        if (fields + 1 >= ends.length) ends = this.#widen();
        ends[fields] = at;
        fields += 1;
      } else if (byte === NEWLINE) {
        const has_return = at > begin && bytes[at - 1] === RETURN;
        const end = has_return ? at - 1 : at;
        if (end - begin > limit_bytes) this.#tooLong(bytes.subarray(begin, end));
        if (has_return) this.returns += 1;
        ends[fields] = end;
        this.line += 1;
        this.begin = this.line === 1 ? begin + this.#markBytes(bytes, begin, end) : begin;
        this.fields = fields + 1;
        onRow(this);
        ({ ends } = this);
        begin = this.#takeLines(at + 1, to);
        at = begin - 1;
        fields = 0;
      }
    }
    return begin;
  }

  /** Where the first line begins that is to be cut. */
  #takeLines(from: number, to: number): number {
    const { take } = this.#options;
    let begin = from;
    if (!take) return begin;
    for (let next = take(this.view, begin, to); next > 0; next = take(this.view, begin, to)) {
      this.line += 1;
      begin = next;
    }
    return begin;
  }

  #markBytes(bytes: Buffer, begin: number, end: number): number {
    const mark = BYTE_ORDER_MARK.length;
    if (end - begin < mark) return 0;
    this.has_byte_order_mark = bytes.subarray(begin, begin + mark).equals(BYTE_ORDER_MARK);
    return this.has_byte_order_mark ? mark : 0;
  }

  #widen(): Int32Array<ArrayBuffer> {
    const wider = new Int32Array(this.ends.length * 2);
    wider.set(this.ends);
    this.ends = wider;
    return wider;
  }

  #hold(part: Buffer): void {
    const length = this.#held_bytes + part.length;
    const last = part.at(-1);
    // A return may belong to the end that is still to come.
    const end_bytes = last === NEWLINE ? 2 : Number(last === RETURN);
    if (length > this.#options.limit_bytes + end_bytes) {
      this.#tooLong(Buffer.concat([this.#held.subarray(0, this.#held_bytes), part]));
    }
    part.copy(this.#held, this.#held_bytes);
    this.#held_bytes = length;
  }

  #tooLong(line: Buffer): void {
    this.#options.onTooLong(line.toString('utf8', 0, START_BYTES), this.line + 1);
  }
}

const NO_WORDS = new Int32Array(0);

/** The same bytes by fours, where they lie so, up to `to`. */
function wordsOf({ buffer, byteOffset }: Buffer, to: number): Int32Array {
  return byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, to >> 2) : NO_WORDS;
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** The first word, from one on, that has a comma or a byte below it, which may end something. */
function pastPlain(words: Int32Array, from: number): number {
  let at = from;
  for (; at + 1 < words.length; at += 2) {
    const both = lowBytes(words[at] ?? 0) | lowBytes(words[at + 1] ?? 0);
    if (both !== 0) return lowBytes(words[at] ?? 0) === 0 ? at + 1 : at;
  }
  return at < words.length && lowBytes(words[at] ?? 0) === 0 ? at + 1 : at;
}

/** Not 0 when one of four bytes is a comma or below it. */
function lowBytes(word: number): number {
  return (word - 0x2d2d2d2d) & ~word & 0x80808080;
}

/* Of a file of counts nearly all is fields of one digit: a word has two of them, cut alike. */
const DIGIT_FIRST = wordOf([0x30, COMMA, 0x30, COMMA]);
const DIGIT_FIRST_MASK = wordOf([0xf0, 0xff, 0xf0, 0xff]);
const COMMA_FIRST = wordOf([COMMA, 0x30, COMMA, 0x30]);
const COMMA_FIRST_MASK = wordOf([0xff, 0xf0, 0xff, 0xf0]);

function wordOf(bytes: readonly number[]): number {
  return new Int32Array(Uint8Array.from(bytes).buffer)[0] ?? 0;
}

/** Where in such a word the first of its two commas is; -1: it is no such word. */
function pairAt(words: Int32Array, at: number): -1 | 0 | 1 {
  if (at >= words.length) return -1;
  const word = words[at] ?? 0;
  if ((word & DIGIT_FIRST_MASK) === DIGIT_FIRST) return 1;
  return (word & COMMA_FIRST_MASK) === COMMA_FIRST ? 0 : -1;
}
