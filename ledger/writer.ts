/**
 * Writes a ledger: records are numbered at once and written together. What was written survives
 * the end of its process, however it ends; what a power cut takes from the end is seen by whoever
 * kept a head.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { chmodSync, close, fdatasync, ftruncateSync, mkdirSync } from 'node:fs';
import { openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { isHotplaneError } from '../base/errors.ts';
import { errnoOf } from '../base/system-error.ts';
import { ChainBatch, type Head } from './chain.ts';
import { ledgerError } from './errors.ts';
import { canFollow, FACTS_MOST, factSeq, saidBy } from './facts.ts';
import { LEDGER_LIMITS } from './limits.ts';
import { type RecordDraft, LEDGER_FORMAT, NO_HASH, type RecordFields } from './record.ts';
import { segmentPath, segmentsIn } from './segments.ts';
import { findTail, type Tail } from './tail.ts';

export interface WriterOptions {
  readonly folder: string;
  /** How this host is called, for people and for other ledgers. */
  readonly host: string;
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly segment_bytes?: number;
  /** Older segments go when all have more; they are named in the ledger. */
  readonly kept_bytes?: number;
  /** Writes all of it or throws; for tests, a disk without room. */
  readonly write?: (fd: number, bytes: Buffer) => void;
  /** Opens a segment to write behind what it has; for tests, a disk without room for a file. */
  readonly open?: (path: string) => number;
}

/** What a full disk says, and a quota, and a limit of file sizes. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export class LedgerWriter {
  readonly #options: WriterOptions;
  readonly #ledger: string;
  readonly #reserve: string;
  #fd: number;
  #segment: number;
  #bytes: number;
  #head: Head;
  /** Number of the next record. */
  #next: number;
  /** Facts that wait, and the number of each. */
  #pending: RecordDraft[] = [];
  #seqs: number[] = [];
  /** Of the record that waits last: its facts, and what they say, a bit each. */
  #facts = 0;
  #said = 0;
  readonly #batch = new ChainBatch();
  #is_full = false;
  #has_reserve = false;
  #tried_at_ms = Number.NEGATIVE_INFINITY;
  /** Since what waits was written last. */
  #lost = 0;
  /** The record that tells of them, while it waits too. */
  #gap_seq = 0;

  /**
   * Opens the ledger, or begins one where none is. A last line that its writer did not finish is
   * cut, and a record says so. Throws HP_LEDGER_BROKEN, HP_LEDGER_LOST.
   */
  constructor(options: WriterOptions) {
    this.#options = options;
    this.#reserve = join(options.folder, 'reserve');
    try {
      mkdirSync(options.folder, { recursive: true, mode: 0o700 });
      chmodSync(options.folder, 0o700);
      const tail = findTail(options.folder);
      this.#ledger = tail?.ledger ?? randomUUID();
      this.#head = tail?.head ?? { seq: 0, hash: NO_HASH };
      this.#next = this.#head.seq + 1;
      this.#segment = tail?.segment ?? 1;
      this.#bytes = tail?.bytes ?? 0;
      this.#fd = this.#open(this.#segment);
      this.#begin(tail);
    } catch (error) {
      throw lost(options.folder, error);
    }
  }

  #begin(tail: Tail | null): void {
    ftruncateSync(this.#fd, this.#bytes);
    this.#makeReserve();
    if (this.#bytes === 0) this.#addHeader();
    else if (tail?.format !== LEDGER_FORMAT) this.#goOnAnew();
    const { nowMs } = this.#options;
    const about = { at_ms: nowMs(), trust: 'agent', cause_seq: [] } as const;
    if (tail && tail.cut_bytes > 0) this.add({ kind: 'torn', ...about, cut_bytes: tail.cut_bytes });
    if (!this.flush()) throw lost(this.#options.folder, new Error('the disk is full'));
  }

  /** Behind records of an earlier format those of this one begin a segment. */
  #goOnAnew(): void {
    const before = this.#segment;
    this.#rotate();
    if (this.#segment === before) throw lost(this.#options.folder, new Error('the disk is full'));
  }

  /** What was written last. */
  get head(): Head {
    return this.#head;
  }

  get ledger(): string {
    return this.#ledger;
  }

  /** The disk has no room: what is not written yet waits, and what is too much is counted. */
  get isFull(): boolean {
    return this.#is_full;
  }

  /** Facts that wait to be written. */
  get pending(): number {
    return this.#pending.length;
  }

  /**
   * Its number, for those that come of it; 0: it is not kept, for there is no room. Until it is
   * written the draft is the writer's. `joins`: it is of the same step as the one before it, and
   * one record with it where that can be.
   */
  add(draft: RecordDraft, joins = false): number {
    const waiting = this.#pending.length;
    if (this.#is_full && waiting >= LEDGER_LIMITS.full_records) {
      this.#lost += 1;
      return 0;
    }
    const said = saidBy(draft);
    if (joins && waiting > 0 && this.#canJoin(draft, said)) {
      this.#facts += 1;
      this.#said |= said;
    } else {
      this.#facts = 1;
      this.#said = said;
      this.#next += 1;
    }
    const seq = factSeq(this.#next - 1, this.#facts - 1);
    this.#pending.push(draft);
    this.#seqs.push(seq);
    return seq;
  }

  #canJoin({ kind, at_ms }: RecordDraft, said: number): boolean {
    const last = this.#pending[this.#pending.length - 1];
    if (last?.at_ms !== at_ms || this.#facts === FACTS_MOST) return false;
    return canFollow(this.#said, kind, said);
  }

  /** Says more in a record that still waits to be written; false: it does not. */
  amend(seq: number, more: Partial<RecordFields>): boolean {
    const draft = this.#pending[this.#seqs.lastIndexOf(seq)];
    if (!draft) return false;
    Object.assign(draft, more);
    return true;
  }

  /** Writes what waits; false: there is no room for it. Throws HP_LEDGER_LOST. */
  flush(): boolean {
    if (this.#is_full && !this.#hasRoomAgain()) return false;
    if (!this.#writePending()) return false;
    if (this.#bytes >= (this.#options.segment_bytes ?? LEDGER_LIMITS.segment_bytes)) this.#rotate();
    return true;
  }

  #writePending(): boolean {
    if (this.#pending.length === 0) return true;
    const batch = this.#batch;
    batch.begin(this.#head.hash);
    const { length } = this.#pending;
    for (let from = 0; from < length; ) {
      let to = from + 1;
      // Facts of a record have no whole number.
      while (to < length && !Number.isInteger(this.#seqs[to])) to += 1;
      batch.add(this.#seqs[from] ?? 0, this.#pending, from, to);
      from = to;
    }
    if (!this.#write(batch.bytes)) return false;
    this.#head = { seq: this.#next - 1, hash: batch.hash };
    this.#pending = [];
    this.#seqs = [];
    this.#lost = 0;
    return true;
  }

  /**
   * Writes what waits, on a full disk where the reserve was, and brings the file to the disk. How
   * many records are lost, for there was no room for them. Throws HP_LEDGER_LOST.
   */
  close(): number {
    this.#dropReserve();
    try {
      const lost_records = this.#lost + this.#pending.length;
      if (this.#is_full) this.#endFull();
      return this.#writePending() ? 0 : lost_records;
    } finally {
      this.#closeFile();
    }
  }

  #dropReserve(): void {
    rmSync(this.#reserve, { force: true });
    this.#has_reserve = false;
  }

  #write(bytes: Buffer): boolean {
    if (this.#tryWrite(bytes)) return true;
    if (this.#has_reserve) this.#dropReserve();
    this.#is_full = true;
    this.#tried_at_ms = this.#options.nowMs();
    return this.#tryWrite(bytes);
  }

  #tryWrite(bytes: Buffer): boolean {
    try {
      (this.#options.write ?? writeAll)(this.#fd, bytes);
      this.#bytes += bytes.length;
      return true;
    } catch (error) {
      try {
        // What was written of it is no record.
        ftruncateSync(this.#fd, this.#bytes);
      } catch (again) {
        throw lost(this.#options.folder, again);
      }
      if (FULL.has(errnoOf(error) ?? '')) return false;
      throw lost(this.#options.folder, error);
    }
  }

  /** Looks, now and then, whether the reserve can be had again: then the disk is not full. */
  #hasRoomAgain(): boolean {
    const now_ms = this.#options.nowMs();
    if (now_ms - this.#tried_at_ms < LEDGER_LIMITS.room_again_ms) return false;
    this.#tried_at_ms = now_ms;
    this.#makeReserve();
    if (!this.#has_reserve) return false;
    this.#endFull();
    return true;
  }

  /** One record tells of all that was lost, however often there was too little room for it. */
  #endFull(): void {
    this.#is_full = false;
    const lost_records = this.#lost;
    if (this.amend(this.#gap_seq, { lost_records })) return;
    const at_ms = this.#options.nowMs();
    const { trust, reason } = { trust: 'agent', reason: 'the disk was full' } as const;
    this.#gap_seq = this.add({ kind: 'gap', at_ms, trust, lost_records, reason, cause_seq: [] });
  }

  #makeReserve(): void {
    try {
      const fd = openSync(this.#reserve, 'w', 0o600);
      try {
        (this.#options.write ?? writeAll)(fd, Buffer.alloc(LEDGER_LIMITS.reserve_bytes));
      } finally {
        close(fd, () => undefined);
      }
      this.#has_reserve = true;
    } catch (error) {
      this.#dropReserve();
      if (!FULL.has(errnoOf(error) ?? '')) throw lost(this.#options.folder, error);
    }
  }

  /** The next segment begins with the head of this one, which goes on while there is no room. */
  #rotate(): void {
    assert(this.#pending.length === 0, 'a segment ends with a record that is written');
    const { folder } = this.#options;
    try {
      const fd = this.#open(this.#segment + 1);
      this.#closeFile();
      this.#fd = fd;
      this.#segment += 1;
      this.#bytes = 0;
      this.#addHeader();
      this.#prune();
    } catch (error) {
      if (FULL.has(errnoOf(error) ?? '')) return;
      throw lost(folder, error);
    }
    this.flush();
  }

  #open(segment: number): number {
    const { folder, open = openToAppend } = this.#options;
    return open(segmentPath(folder, segment));
  }

  #addHeader(): void {
    const { host, nowMs, wallMs } = this.#options;
    this.add({
      kind: 'segment',
      at_ms: nowMs(),
      format: LEDGER_FORMAT,
      ledger: this.#ledger,
      host,
      segment: this.#segment,
      prev_hash: this.#head.hash,
      wall_ms: wallMs(),
      cause_seq: [],
    });
  }

  #prune(): void {
    const { folder, kept_bytes = LEDGER_LIMITS.kept_bytes, nowMs } = this.#options;
    const segments = segmentsIn(folder);
    let sum = segments.reduce((total, { bytes }) => total + bytes, 0);
    for (const { number, path, bytes } of segments.slice(0, -2)) {
      if (sum <= kept_bytes) return;
      rmSync(path);
      sum -= bytes;
      const about = { at_ms: nowMs(), trust: 'agent', cause_seq: [] } as const;
      this.add({ kind: 'pruned', ...about, segment: number });
    }
  }

  #closeFile(): void {
    const fd = this.#fd;
    fdatasync(fd, () => close(fd, () => undefined));
  }
}

const openToAppend = (path: string): number => openSync(path, 'a', 0o600);

function writeAll(fd: number, bytes: Buffer): void {
  for (let from = 0; from < bytes.length; ) from += writeSync(fd, bytes, from);
}

function lost(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || isHotplaneError(error)) return error;
  return ledgerError(
    'HP_LEDGER_LOST',
    `the ledger in ${folder} cannot be written: ${error.message}`,
    {
      cause: error,
      details: { folder },
    },
  );
}
