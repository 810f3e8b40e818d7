/**
 * JSON text as bytes, put one after the other into memory that is used again: what a record takes
 * is what its text is long, and nothing is left to be collected.
 */
import { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const TILDE = 0x7e;
const POINT = 0x2e;
const ZERO = 0x30;
/** UTF-8 has at most three bytes for what JavaScript counts as one. */
const CHAR_BYTES = 3;
const DIGITS_MOST = 16;
/** Above this, whole numbers are divided as floats. */
const INT_MOST = 0x7fff_ffff;
/** Times below it (until the year 2041) have no other shortest text than with three decimals. */
const TIME_US_MOST = 2 ** 51;
const US_PER_MS = 1_000;

/** A text of ASCII, worked out once. */
export const asciiOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

export class JsonBytes {
  #bytes = Buffer.allocUnsafe(16 * 1024);
  #used = 0;

  get used(): number {
    return this.#used;
  }

  /** What comes next is put there; what is behind it is forgotten. */
  rewind(used: number): void {
    this.#used = used;
  }

  /** Valid until more is put. */
  slice(from: number, to: number): Buffer {
    return this.#bytes.subarray(from, to);
  }

  #room(bytes: number): Buffer {
    const most = this.#used + bytes;
    if (most > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * most);
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    return this.#bytes;
  }

  byte(code: number): void {
    this.#room(1)[this.#used] = code;
    this.#used += 1;
  }

  ascii(text: Uint8Array): void {
    const { length } = text;
    const bytes = this.#room(length);
    const from = this.#used;
    for (let index = 0; index < length; index += 1) bytes[from + index] = text[index] ?? 0;
    this.#used = from + length;
  }

  /** Bytes that are there, to another place. */
  move(from: number, to: number, length: number): void {
    this.#bytes.copyWithin(to, from, from + length);
  }

  /** `text`: of ASCII. */
  latin(text: string): void {
    const { length } = text;
    const bytes = this.#room(length);
    const from = this.#used;
    for (let index = 0; index < length; index += 1) bytes[from + index] = text.charCodeAt(index);
    this.#used = from + length;
  }

  /** The same, of a longer text. */
  text(text: string): void {
    this.#used += this.#room(text.length).write(text, this.#used, 'latin1');
  }

  /** Most texts are names that JSON writes as they are. */
  quoted(text: string): void {
    const { length } = text;
    const bytes = this.#room(CHAR_BYTES * length + 2);
    let at = this.#used;
    bytes[at] = QUOTE;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < BLANK || code > TILDE || code === QUOTE || code === BACKSLASH) {
        return this.#escaped(text);
      }
      at += 1;
      bytes[at] = code;
    }
    bytes[at + 1] = QUOTE;
    this.#used = at + 2;
  }

  #escaped(text: string): void {
    const json = JSON.stringify(text);
    this.#used += this.#room(CHAR_BYTES * json.length).write(json, this.#used, 'utf8');
  }

  /** As ECMAScript writes it; what is none is null. */
  number(value: number): void {
    if (Number.isSafeInteger(value) && value >= 0) this.#whole(value);
    else this.latin(JSON.stringify(value));
  }

  /** The number of a record, or of a fact in one: with one decimal at most. */
  seq(value: number): void {
    const whole = Math.floor(value);
    this.number(whole);
    if (whole === value) return;
    this.byte(POINT);
    this.byte(ZERO + Math.round((value - whole) * 10));
  }

  #whole(value: number): void {
    const bytes = this.#room(DIGITS_MOST);
    let end = this.#used + 1;
    for (let bound = 10; bound <= value; bound *= 10) end += 1;
    this.#used = end;
    let left = value;
    while (left > INT_MOST) {
      const tenth = Math.floor(left / 10);
      end -= 1;
      bytes[end] = ZERO + (left - 10 * tenth);
      left = tenth;
    }
    let small = left | 0;
    do {
      const tenth = (small / 10) | 0;
      end -= 1;
      bytes[end] = ZERO + (small - 10 * tenth);
      small = tenth;
    } while (small > 0);
  }

  /** In whole microseconds: a clock of nanoseconds told as a float has digits that mean nothing. */
  time(ms: number): void {
    const us = Math.round(ms * US_PER_MS);
    if (!(us >= 0 && us < TIME_US_MOST)) return this.latin(JSON.stringify(us / US_PER_MS));
    const whole = Math.floor(us / US_PER_MS);
    this.#whole(whole);
    let rest = us - whole * US_PER_MS;
    if (rest === 0) return;
    this.byte(POINT);
    for (let unit = 100; rest > 0; unit /= 10) {
      const digit = (rest / unit) | 0;
      this.byte(ZERO + digit);
      rest -= digit * unit;
    }
  }
}
