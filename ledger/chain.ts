/** The chain: each record has a SHA-256 of its text and of its predecessor's hash. */
import { hash } from 'node:crypto';
import { Buffer } from 'node:buffer';

const HASH_CHARS = 64;
/** What a line has after the text that is hashed: the hash as its last field, and its end. */
const BEFORE_HASH = ',"hash":"';
const AFTER_HASH = '"}';
const TAIL_BYTES = BEFORE_HASH.length + HASH_CHARS + AFTER_HASH.length;

/** What a ledger is known by: how far it goes, and what it holds until there. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** The hash of a record whose body (its text without the last brace) this is. */
export function hashOf(prev_hash: string, body: string): string {
  return hash('sha256', `${prev_hash}${body}}`);
}

/** The line of a record, without its newline. */
export function chainedLine(body: string, own_hash: string): string {
  return `${body}${BEFORE_HASH}${own_hash}${AFTER_HASH}`;
}

/** Checks lines as bytes: what is not read as JSON costs little more than its hash. */
export class ChainCheck {
  /** The hash before the next line, as text; the text of that line is put behind it. */
  #scratch = Buffer.alloc(64 * 1024);

  /** The hash of a line (without its newline); null: it is no record, or another's. */
  check(prev_hash: string, line: Buffer): string | null {
    const text_bytes = line.length - TAIL_BYTES;
    if (text_bytes < 2) return null;
    const tail = line.toString('latin1', text_bytes);
    const told = tail.slice(BEFORE_HASH.length, BEFORE_HASH.length + HASH_CHARS);
    if (tail !== `${BEFORE_HASH}${told}${AFTER_HASH}`) return null;
    const all_bytes = HASH_CHARS + text_bytes + 1;
    if (this.#scratch.length < all_bytes) this.#scratch = Buffer.alloc(2 * all_bytes);
    const scratch = this.#scratch;
    scratch.write(prev_hash, 0, 'latin1');
    line.copy(scratch, HASH_CHARS, 0, text_bytes);
    scratch[all_bytes - 1] = 0x7d;
    return hash('sha256', scratch.subarray(0, all_bytes)) === told ? told : null;
  }
}

const BEFORE_SEQ = '{"seq":';

/** The number of the record that a line is; null: it does not begin as one. */
export function seqOf(line: Buffer): number | null {
  if (line.toString('latin1', 0, BEFORE_SEQ.length) !== BEFORE_SEQ) return null;
  const end = line.indexOf(0x2c);
  const seq = Number(line.toString('latin1', BEFORE_SEQ.length, end));
  return Number.isSafeInteger(seq) && seq > 0 ? seq : null;
}
