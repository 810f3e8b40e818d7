/**
 * Bytes of any kind on a channel of lines. A line is JSON, and what follows the first
 * PROTOCOL.attached_mark, which no JSON has, is attached: bytes in which the ends of lines and the
 * escape itself are told by two. So a reader that comes in the middle finds the next line, as it
 * could not behind frames with a length, and nothing grows by a third, as in base64. Pure.
 */
import { PROTOCOL } from './constants.ts';

const { attached_mark: MARK, attached_escape: ESCAPE, attached_flip: FLIP } = PROTOCOL;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** A line cut in two. */
export interface CutLine {
  readonly json: string;
  /** Nothing attached: null. */
  readonly attached: Buffer | null;
}

/** The line as it goes out, with its end. */
export function joinLine(json: string, attached: Uint8Array): Buffer {
  const head = Buffer.byteLength(json);
  const line = Buffer.allocUnsafe(head + 2 + 2 * attached.length);
  line.write(json);
  line[head] = MARK;
  let at = head + 1;
  for (const byte of attached) {
    if (byte === NEWLINE || byte === RETURN || byte === ESCAPE) {
      line[at++] = ESCAPE;
      line[at++] = byte ^ FLIP;
    } else line[at++] = byte;
  }
  line[at++] = NEWLINE;
  return line.subarray(0, at);
}

/** Null when what is attached ends inside an escape: it was cut. */
export function cutLine(line: Buffer): CutLine | null {
  const mark = line.indexOf(MARK);
  if (mark < 0) return { json: line.toString('utf8'), attached: null };
  const attached = unescape(line.subarray(mark + 1));
  return attached && { json: line.toString('utf8', 0, mark), attached };
}

function unescape(bytes: Buffer): Buffer | null {
  let escape = bytes.indexOf(ESCAPE);
  // A copy, so that a few bytes do not keep the whole chunk they came in.
  const plain = Buffer.from(bytes);
  if (escape < 0) return plain;
  let to = escape;
  while (escape >= 0) {
    const told = bytes[escape + 1];
    if (told === undefined) return null;
    plain[to++] = told ^ FLIP;
    const next = bytes.indexOf(ESCAPE, escape + 2);
    to += bytes.copy(plain, to, escape + 2, next < 0 ? bytes.length : next);
    escape = next;
  }
  return plain.subarray(0, to);
}
