/** Numbers read from bytes, without a string for each. Pure. */
import type { Buffer } from 'node:buffer';

const ZERO = 0x30;
const POINT = 0x2e;
/** Digits before the point that are whole numbers of microseconds as seconds, exactly. */
const WHOLE_DIGITS = 10;
/** Digits after it that a double holds exactly. */
const FRACTION_DIGITS = 15;
const NUMBER = /^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * `seconds` as whole microseconds, rounded by its own digits; NaN for what is no number without a
 * sign. Published files have binary noise below the millisecond.
 */
export function microsecondsOf(bytes: Buffer, from: number, to: number): number {
  let at = from;
  let whole = 0;
  for (; at < to; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) break;
    whole = whole * 10 + digit;
  }
  if (at === from || at - from > WHOLE_DIGITS) return slowMicroseconds(bytes, from, to);
  if (at === to) return whole * 1e6;
  if (bytes[at] !== POINT || at + 1 === to) return slowMicroseconds(bytes, from, to);
  const read_to = Math.min(to, at + 1 + FRACTION_DIGITS);
  let fraction = 0;
  let scale = 1;
  for (at += 1; at < to; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return slowMicroseconds(bytes, from, to);
    if (at >= read_to) continue;
    fraction = fraction * 10 + digit;
    scale *= 10;
  }
  return whole * 1e6 + Math.round((fraction * 1e6) / scale);
}

/** What nothing stands behind. */
const NOWHERE = -1;
/** Doubles are written with seventeen; longer ones are looked at with their whole line. */
const READ_DIGITS = 40;

/** Reads decimals out of a line from left to right, and tells what ended each of them. */
export class DecimalReader {
  /** Where the last one ended. */
  end = 0;
  /** The byte there; below 0: there was none before the end of what may be read. */
  stop = NOWHERE;

  /** As {@link microsecondsOf}, of digits and at most one point; NaN for anything else. */
  read(bytes: DataView, from: number, to: number): number {
    const whole = this.#digits(bytes, from, to, WHOLE_DIGITS);
    if (this.end === from || this.end - from > WHOLE_DIGITS) return Number.NaN;
    if (this.stop !== POINT) return whole * 1e6;
    const begin = this.end + 1;
    const fraction = this.#digits(bytes, begin, to, FRACTION_DIGITS);
    const digits = Math.min(this.end - begin, FRACTION_DIGITS);
    if (digits === 0 || this.end - begin > READ_DIGITS) return Number.NaN;
    return whole * 1e6 + Math.round((fraction * 1e6) / (SCALES[digits] ?? Number.NaN));
  }

  /** The number that the first of these digits are, at most so many; the others are read over. */
  #digits(bytes: DataView, from: number, to: number, most: number): number {
    let value = 0;
    let stop = NOWHERE;
    let at = from;
    for (; at < to; at += 1) {
      const byte = bytes.getUint8(at);
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) {
        stop = byte;
        break;
      }
      if (at - from < most) value = value * 10 + digit;
    }
    this.end = at;
    this.stop = stop;
    return value;
  }
}

/** Powers of ten, made as {@link microsecondsOf} makes them. */
const SCALES = Array.from({ length: FRACTION_DIGITS + 1 }, (_, digits) => 10 ** digits);

function slowMicroseconds(bytes: Buffer, from: number, to: number): number {
  const value = numberOf(bytes, from, to);
  return Math.round(value * 1e6);
}

/** The number that the bytes are; NaN for anything but a number without a sign. */
export function numberOf(bytes: Buffer, from: number, to: number): number {
  let whole = 0;
  for (let at = from; at < to; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9 || at - from > WHOLE_DIGITS) {
      const text = bytes.toString('latin1', from, to);
      return NUMBER.test(text) ? Number(text) : Number.NaN;
    }
    whole = whole * 10 + digit;
  }
  return from === to ? Number.NaN : whole;
}
