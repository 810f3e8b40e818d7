/** The chain: each record has a SHA-256 of its text and of its predecessor's hash. */
import { hash } from 'node:crypto';
import { Buffer } from 'node:buffer';

const HASH_CHARS = 64;
/** What a line has after the text that is hashed: the hash as its last field, and its end. */
const BEFORE_HASH = ',"hash":"';
const AFTER_HASH = '"}';
const BRACE = 0x7d;
const TAIL_BYTES = BEFORE_HASH.length + HASH_CHARS + AFTER_HASH.length;

/** What a ledger is known by: how far it goes, and what it holds until there. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Makes lines of records, one after the other, in memory that is used again. */
export class ChainBatch {
  /** The hash before a record, and behind it the record: what is hashed together. */
  #scratch = Buffer.allocUnsafe(4 * 1024);
  #lines = Buffer.allocUnsafe(16 * 1024);
  #used = 0;
  #hash = '';

  /** Nothing is in it; the next record comes after the one of that hash. */
  begin(prev_hash: string): void {
    this.#used = 0;
    this.#hash = prev_hash;
    this.#scratch.write(prev_hash, 0, 'latin1');
  }

  /** `body`: the text of a record without its last brace. */
  add(body: string): void {
    // UTF-8 has at most three bytes for what JavaScript counts as one.
    const most_bytes = HASH_CHARS + 3 * body.length + 1;
    if (this.#scratch.length < most_bytes) {
      this.#scratch = Buffer.allocUnsafe(2 * most_bytes);
      this.#scratch.write(this.#hash, 0, 'latin1');
    }
    const scratch = this.#scratch;
    const body_bytes = scratch.write(body, HASH_CHARS, 'utf8');
    const end = HASH_CHARS + body_bytes;
    scratch[end] = BRACE;
    this.#hash = hash('sha256', scratch.subarray(0, end + 1));
    this.#makeRoom(body_bytes + TAIL_BYTES + 1);
    scratch.copy(this.#lines, this.#used, HASH_CHARS, end);
    this.#used += body_bytes;
    const tail = `${BEFORE_HASH}${this.#hash}${AFTER_HASH}\n`;
    this.#used += this.#lines.write(tail, this.#used, 'latin1');
    scratch.write(this.#hash, 0, 'latin1');
  }

  #makeRoom(bytes: number): void {
    const lines = this.#lines;
    if (this.#used + bytes <= lines.length) return;
    this.#lines = Buffer.allocUnsafe(2 * (this.#used + bytes));
    lines.copy(this.#lines, 0, 0, this.#used);
  }

  /** All lines since `begin`; valid until the next one. */
  get bytes(): Buffer {
    return this.#lines.subarray(0, this.#used);
  }

  /** Of the last record. */
  get hash(): string {
    return this.#hash;
  }
}

/** Checks lines as bytes: what is not read as JSON costs little more than its hash. */
export class ChainCheck {
  /** The hash before the next line, as text; the text of that line is put behind it. */
  #scratch = Buffer.alloc(4 * 1024);

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
    scratch[all_bytes - 1] = BRACE;
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
