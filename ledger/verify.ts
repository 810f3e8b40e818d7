/**
 * Checks that a ledger is as it was written: every record against its predecessor, every segment
 * against the one before, and all of it against heads that somebody kept.
 */
import { ChainCheck, type Head, seqOf } from './chain.ts';
import { eachLine, type LedgerLine, parseRecord, whereOf } from './reader.ts';
import { type LedgerRecord, NO_HASH } from './record.ts';
import { existingSegments, type SegmentFile } from './segments.ts';

/** The first thing that is not as it was written. */
export interface Finding {
  readonly code: 'HP_LEDGER_BROKEN' | 'HP_LEDGER_TORN';
  /** The record in question: the first that is bad, or that should be there. */
  readonly seq: number;
  readonly path: string;
  /** Of its line in the file; null: there is none. */
  readonly offset: number | null;
  /** One sentence without its end. */
  readonly problem: string;
}

export interface Verified {
  readonly folder: string;
  readonly ledger: string | null;
  readonly host: string | null;
  readonly segments: number;
  /** Good ones, until the first that is not. */
  readonly records: number;
  readonly bytes: number;
  /** Of the oldest that is there: earlier segments may have been removed. */
  readonly first_seq: number | null;
  /** The last good record. */
  readonly head: Head | null;
  readonly heads_met: number;
  readonly bad: Finding | null;
}

/** A head that somebody kept, and of which ledger; absent: of whichever is verified. */
export interface KeptHead extends Head {
  readonly ledger?: string;
}

/** Where what is verified lies. */
export interface LedgerFiles {
  readonly folder: string;
  /** The oldest first. */
  readonly segments: readonly SegmentFile[];
  /** Tells the lines of one until `visit` returns false. */
  readonly eachLine: (path: string, visit: (line: LedgerLine) => boolean | void) => void;
}

/** Throws HP_LEDGER_MISSING, HP_LEDGER_UNREADABLE. What is wrong with the records is in `bad`. */
export function verify(folder: string, heads: readonly KeptHead[] = []): Verified {
  return verifyFiles({ folder, segments: existingSegments(folder), eachLine }, heads);
}

/** The same of files that may lie elsewhere than on a disk. */
export function verifyFiles(files: LedgerFiles, heads: readonly KeptHead[] = []): Verified {
  const { folder, segments } = files;
  const checked = new Checking(files, heads);
  for (const segment of segments) {
    if (!checked.segment(segment)) break;
  }
  const bad = checked.bad ?? checked.missing(segments.at(-1)) ?? checked.unmet(segments[0]);
  const { about, first_seq, head, records, bytes, heads_met } = checked;
  return {
    folder,
    ledger: about?.ledger ?? null,
    host: about?.host ?? null,
    segments: segments.length,
    records,
    bytes,
    first_seq,
    head,
    heads_met,
    bad,
  };
}

class Checking {
  readonly #check = new ChainCheck();
  readonly #eachLine: LedgerFiles['eachLine'];
  readonly #kept: readonly KeptHead[];
  readonly #heads = new Map<number, ReadonlySet<string>>();
  #last_head: Head | null = null;
  /** The newest record whose head was kept, and is there. */
  #sure_seq = 0;
  about: LedgerRecord | null = null;
  first_seq: number | null = null;
  head: Head | null = null;
  records = 0;
  bytes = 0;
  heads_met = 0;
  bad: Finding | null = null;
  #segment: SegmentFile | null = null;

  constructor(files: LedgerFiles, heads: readonly KeptHead[]) {
    this.#eachLine = files.eachLine;
    this.#kept = heads;
  }

  /** Heads of other ledgers say nothing of this one. */
  #begin(about: LedgerRecord): void {
    this.about = about;
    const own = this.#kept.filter(({ ledger }) => ledger === undefined || ledger === about.ledger);
    for (const { seq, hash } of own) {
      this.#heads.set(seq, new Set([...(this.#heads.get(seq) ?? []), hash]));
    }
    this.#last_head = own.toSorted((a, b) => b.seq - a.seq)[0] ?? null;
  }

  /** False: something is wrong, and nothing behind it is looked at. */
  segment(segment: SegmentFile): boolean {
    const before = this.#segment;
    this.#segment = segment;
    if (before && segment.number !== before.number + 1) {
      return this.#tell(null, `segment ${before.number + 1} is missing`);
    }
    let is_first = true;
    this.#eachLine(segment.path, (line) => {
      if (!line.is_whole) {
        return this.#tell(line, `the last line, ${line.bytes.length} bytes, is not whole`, true);
      }
      const is_good = is_first ? this.#first(line) : this.#next(line);
      is_first = false;
      return is_good;
    });
    if (this.bad) return false;
    return is_first ? this.#tell(null, `segment ${segment.number} is empty`, true) : true;
  }

  /** A head that was kept is of a record that is not there any more. */
  missing(segment: SegmentFile | undefined): Finding | null {
    const last = this.#last_head;
    if (!last || !segment || last.seq <= (this.head?.seq ?? 0)) return null;
    const end = this.head?.seq ?? 0;
    const problem = `record ${last.seq} was published as the head, and the ledger ends at ${end}`;
    const seq = end + 1;
    return { code: 'HP_LEDGER_BROKEN', seq, path: segment.path, offset: null, problem };
  }

  /**
   * Heads were kept, and nothing that is there meets one: a whole ledger in the place of another is
   * as good a chain as that was, and so is one without the beginning that they are of.
   */
  unmet(segment: SegmentFile | undefined): Finding | null {
    if (!segment || this.#kept.length === 0 || this.heads_met > 0) return null;
    const which = `none of the heads that were kept (${this.#kept.length}) is of a record in it`;
    const problem = `${which}: another ledger stands here, or its beginning is gone`;
    const seq = this.first_seq ?? 1;
    return { code: 'HP_LEDGER_BROKEN', seq, path: segment.path, offset: null, problem };
  }

  /** Says which ledger it is, and goes on where the segment before ended. */
  #first(line: LedgerLine): boolean {
    let record: LedgerRecord;
    try {
      record = parseRecord(line.bytes.toString('utf8'), whereOf(this.#of, line));
    } catch (error) {
      return this.#tell(line, error instanceof Error ? error.message : String(error));
    }
    const { kind, seq, segment, prev_hash, ledger } = record;
    if (kind !== 'segment') {
      return this.#tell(line, 'a segment does not begin with what it is');
    }
    if (segment !== this.#of.number) return this.#tell(line, `it is of segment ${segment}`);
    if (!this.about) this.#begin(record);
    if (ledger !== this.about?.ledger) return this.#tell(line, `it is of ledger ${ledger}`);
    if (!this.head) {
      if (segment === 1 && (seq !== 1 || prev_hash !== NO_HASH)) {
        return this.#tell(line, 'the first segment does not begin with the first record');
      }
      this.first_seq = seq;
      this.head = { seq: seq - 1, hash: prev_hash ?? NO_HASH };
      // Of the last record that was removed: the first one that is left was chained to it.
      const kept = this.#heads.get(seq - 1);
      if (kept && (kept.size > 1 || !kept.has(this.head.hash))) return this.#forged(line, seq - 1);
      if (kept) this.heads_met += 1;
    } else if (prev_hash !== this.head.hash) {
      return this.#tell(line, 'it names another head of the segment before');
    }
    return this.#next(line);
  }

  #next(line: LedgerLine): boolean {
    const { seq: last, hash: prev_hash } = this.head ?? { seq: 0, hash: NO_HASH };
    const seq = seqOf(line.bytes);
    if (seq !== last + 1) {
      const told = seq === null ? 'no record' : `record ${seq}`;
      return this.#tell(line, `in its place stands ${told}`);
    }
    const hash = this.#check.check(prev_hash, line.bytes);
    if (hash === null) {
      return this.#tell(line, 'its hash is not that of its text and its predecessor');
    }
    const kept = this.#heads.get(seq);
    if (kept) {
      // Two heads of one record cannot both be: one is of what was there before.
      if (kept.size > 1 || !kept.has(hash)) return this.#forged(line, seq);
      this.heads_met += 1;
      this.#sure_seq = seq;
    }
    this.head = { seq, hash };
    this.records += 1;
    this.bytes += line.bytes.length + 1;
    return true;
  }

  /** The chain agrees with itself and not with a head: it was written anew before that record. */
  #forged(line: LedgerLine, seq: number): boolean {
    const since = this.#sure_seq + 1;
    const what = since === seq ? 'it was' : `records ${since} to ${seq} were`;
    return this.#tell(line, `its hash is not the head that was published: ${what} written anew`);
  }

  get #of(): SegmentFile {
    return this.#segment ?? { number: 0, path: '', bytes: 0 };
  }

  #tell(line: LedgerLine | null, problem: string, is_torn = false): false {
    const code = is_torn ? 'HP_LEDGER_TORN' : 'HP_LEDGER_BROKEN';
    const seq = (this.head?.seq ?? 0) + 1;
    this.bad = { code, seq, path: this.#of.path, offset: line?.offset ?? null, problem };
    return false;
  }
}
