/** The chain: each record has a SHA-256 of its text and of its predecessor's hash. */
import { hash } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { putRecord, type SaidBefore } from './canonical.ts';
import { SAID_ONCE } from './facts.ts';
import { asciiOf, JsonBytes } from './json-bytes.ts';
import { NO_HASH, type RecordDraft } from './record.ts';

const HASH_CHARS = 64;
/** What a line has after the text that is hashed: the hash as its last field, and its end. */
const BEFORE_HASH = ',"hash":"';
const AFTER_HASH = '"}';
const BRACE = 0x7d;
const BEFORE_HASH_BYTES = asciiOf(BEFORE_HASH);
const LINE_END = asciiOf(`${AFTER_HASH}\n`);
const TAIL_BYTES = BEFORE_HASH.length + HASH_CHARS + AFTER_HASH.length;

/** What a ledger is known by: how far it goes, and what it holds until there. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Makes lines of records, one after the other, in memory that is used again. */
export class ChainBatch {
  /** The lines, behind room for the hash before the first of them. */
  readonly #lines = new JsonBytes();
  #hash = NO_HASH;
  readonly #part: { from: number; to: number; readonly said: SaidBefore } = {
    from: 0,
    to: 0,
    said: Array.from(SAID_ONCE, () => undefined),
  };

  /** Nothing is in it; the next record comes after the one of that hash. */
  begin(prev_hash: string): void {
    this.#hash = prev_hash;
    this.#lines.rewind(0);
    this.#lines.text(prev_hash);
  }

  /** One record, of the facts from one place to before another. */
  add(seq: number, facts: readonly RecordDraft[], from: number, to: number): void {
    const part = this.#part;
    [part.from, part.to] = [from, to];
    const lines = this.#lines;
    const begin = lines.used;
    const is_first = begin === HASH_CHARS;
    // The hash before a record is hashed with it: it moves there from its line, and back again.
    if (!is_first) lines.move(begin - HASH_CHARS - LINE_END.length, begin - HASH_CHARS, HASH_CHARS);
    putRecord(lines, seq, facts, part);
    const end = lines.used;
    lines.byte(BRACE);
    this.#hash = hash('sha256', lines.slice(begin - HASH_CHARS, end + 1));
    if (!is_first) {
      lines.move(begin - HASH_CHARS, begin - HASH_CHARS - LINE_END.length, HASH_CHARS);
      lines.rewind(begin - LINE_END.length);
      lines.ascii(LINE_END);
    }
    lines.rewind(end);
    lines.ascii(BEFORE_HASH_BYTES);
    lines.text(this.#hash);
    lines.ascii(LINE_END);
  }

  /** All lines since `begin`; valid until the next one. */
  get bytes(): Buffer {
    return this.#lines.slice(HASH_CHARS, this.#lines.used);
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
