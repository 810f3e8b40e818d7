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
