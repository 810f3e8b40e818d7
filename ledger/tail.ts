/** Where a ledger goes on: its last whole record, and what was not finished behind it. */
import { ChainCheck, type Head, seqOf } from './chain.ts';
import { ledgerError } from './errors.ts';
import { eachLine, parseRecord, whereOf } from './reader.ts';
import { NO_HASH } from './record.ts';
import { type SegmentFile, segmentsIn } from './segments.ts';

export interface Tail {
  /** Null: it has no whole record, not even its first. */
  readonly ledger: string | null;
  readonly head: Head;
  readonly segment: number;
  /** Of the records before; null: there are none. */
  readonly format: number | null;
  /** Of the last segment, whole records only; 0: it has none, not even its first. */
  readonly bytes: number;
  /** Behind them. */
  readonly cut_bytes: number;
}

/**
 * Null: no ledger is there yet. The last segment is checked whole: nothing is put behind a record
 * that is not as it was written, nor before what is left of a ledger. Throws HP_LEDGER_BROKEN.
 */
export function findTail(folder: string): Tail | null {
  const segments = segmentsIn(folder);
  let cut_bytes = 0;
  for (const segment of segments.toReversed()) {
    const { ledger, format, head, bytes, cut_bytes: here } = tailOf(segment);
    cut_bytes += here;
    if (!head) continue;
    // A segment that was begun and has no record is begun anew.
    const { number } = segments.at(-1) ?? segment;
    const is_last = number === segment.number;
    return { ledger, head, format, segment: number, bytes: is_last ? bytes : 0, cut_bytes };
  }
  const [first, second] = segments;
  if (!first) return null;
  if (first.number === 1 && !second) {
    const head = { seq: 0, hash: NO_HASH };
    return { ledger: null, head, format: null, segment: 1, bytes: 0, cut_bytes };
  }
  throw ledgerError(
    'HP_LEDGER_BROKEN',
    `${folder} has segments of a ledger, and not one whole record in them.`,
    { details: { folder, cut_bytes } },
  );
}

interface Found {
  readonly ledger: string;
  readonly format: number | null;
  readonly head: Head | null;
  readonly bytes: number;
  readonly cut_bytes: number;
}

function tailOf(segment: SegmentFile): Found {
  const check = new ChainCheck();
  let head: Head | null = null;
  let [ledger, bytes, cut_bytes] = ['', 0, 0];
  let format: number | null = null;
  eachLine(segment.path, (line) => {
    if (!line.is_whole) {
      cut_bytes = line.bytes.length;
      return;
    }
    const where = whereOf(segment, line);
    let prev_hash = head?.hash;
    if (prev_hash === undefined) {
      const first = parseRecord(line.bytes.toString('utf8'), where);
      ledger = first.ledger ?? '';
      format = first.format ?? null;
      prev_hash = first.prev_hash ?? NO_HASH;
    }
    const hash = check.check(prev_hash, line.bytes);
    const seq = seqOf(line.bytes);
    if (hash === null || seq === null || (head && seq !== head.seq + 1)) {
      throw ledgerError(
        'HP_LEDGER_BROKEN',
        `${where} is not what was written after ${head?.seq ?? 0}.`,
        {
          details: { path: segment.path, offset: line.offset, after_seq: head?.seq ?? 0 },
        },
      );
    }
    head = { seq, hash };
    bytes = line.offset + line.bytes.length + 1;
  });
  return { ledger, format, head, bytes, cut_bytes };
}
