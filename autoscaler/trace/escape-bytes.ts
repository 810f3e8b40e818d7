/**
 * Text of bytes that should be UTF-8, without losing any: a byte that is none becomes a lone
 * surrogate, U+DC00 + byte, as in Python (PEP 383). No UTF-8 decodes to one, so two names that
 * differ in such a byte stay two names. Pure.
 */
import { type Buffer, isUtf8 } from 'node:buffer';

const ESCAPE = 0xdc00;
const ASCII_END = 0x80;
/** Bytes of the sequence that a first byte announces. */
function sequenceBytes(first: number): number {
  if (first < ASCII_END) return 1;
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

/** Of a part of them, which is ASCII nearly always. */
export function decodePart(bytes: Buffer, from: number, to: number): string {
  for (let at = from; at < to; at += 1) {
    if ((bytes[at] ?? 0) >= ASCII_END) return decodeEveryByte(bytes.subarray(from, to));
  }
  return bytes.toString('latin1', from, to);
}

export function decodeEveryByte(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const sequence = bytes.subarray(at, at + sequenceBytes(first));
    const whole = isUtf8(sequence);
    text += whole ? sequence.toString('utf8') : String.fromCharCode(ESCAPE + first);
    at += whole ? sequence.length : 1;
  }
  return text;
}
