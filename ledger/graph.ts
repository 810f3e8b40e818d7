/**
 * Several ledgers as one graph: records are its nodes, causes its edges. Hosts are told apart by
 * name; a monotonic clock means nothing on another host, so times are put on the wall's.
 */
import { ledgerError } from './errors.ts';
import { LEDGER_LIMITS } from './limits.ts';
import { eachRecord, lastHeader, newestRecords } from './reader.ts';
import type { LedgerRecord } from './record.ts';

/** One ledger of those that were read. */
export interface Source {
  readonly folder: string;
  readonly ledger: string;
  readonly host: string;
}

/** A record in the graph. */
export interface Entry {
  readonly source: Source;
  readonly record: LedgerRecord;
  /** Milliseconds since 1970, by the newest pair of both clocks before it. */
  readonly wall_ms: number;
}

export class LedgerGraph {
  readonly sources: Source[] = [];
  /** In order of time; those of one ledger in the order in which they were written. */
  readonly entries: readonly Entry[];
  readonly #by_seq = new Map<Source, Map<number, Entry>>();

  private constructor(fill: (graph: LedgerGraph, entries: Entry[]) => void) {
    const entries: Entry[] = [];
    fill(this, entries);
    const { length } = this.sources;
    this.entries = length < 2 ? entries : entries.toSorted((a, b) => a.wall_ms - b.wall_ms);
  }

  /** Throws HP_LEDGER_MISSING, HP_LEDGER_UNREADABLE, HP_LEDGER_BROKEN, HP_LEDGER_TOO_LARGE. */
  static read(folders: readonly string[]): LedgerGraph {
    return new LedgerGraph((graph, entries) => {
      for (const folder of folders) graph.#read(folder, entries);
    });
  }

  /**
   * The newest records of one ledger, as many as fit into so many bytes: for those who may not
   * wait for all of it. `offset_ms`: what the wall's clock is ahead of that of its host.
   */
  static newest(source: Source, bytes: number, offset_ms: number): LedgerGraph {
    return new LedgerGraph((graph, entries) => {
      const by_seq = new Map<number, Entry>();
      graph.sources.push(source);
      graph.#by_seq.set(source, by_seq);
      for (const record of newestRecords(source.folder, bytes)) {
        const entry = { source, record, wall_ms: record.at_ms + offset_ms };
        by_seq.set(record.seq, entry);
        entries.push(entry);
      }
    });
  }

  /** The same, with what its last segment begins with. Throws HP_LEDGER_MISSING and the like. */
  static ofLate(folder: string, bytes: number): LedgerGraph {
    const { ledger = '', host = folder, wall_ms, at_ms } = lastHeader(folder);
    return LedgerGraph.newest({ folder, ledger, host }, bytes, (wall_ms ?? at_ms) - at_ms);
  }

  #read(folder: string, entries: Entry[]): void {
    let source: Source = { folder, ledger: '', host: folder };
    const by_seq = new Map<number, Entry>();
    let offset_ms = 0;
    eachRecord(folder, (record) => {
      const { kind, seq, at_ms, wall_ms } = record;
      if (kind === 'segment' && by_seq.size === 0) {
        source = { folder, ledger: record.ledger ?? '', host: record.host ?? folder };
        this.sources.push(source);
        this.#by_seq.set(source, by_seq);
      }
      if (wall_ms !== undefined) offset_ms = wall_ms - at_ms;
      const entry = { source, record, wall_ms: at_ms + offset_ms };
      by_seq.set(seq, entry);
      if (entries.push(entry) > LEDGER_LIMITS.question_records) throw tooLarge(folder);
    });
  }

  /** What a record comes of; what is in a segment that was removed is left out. */
  causesOf({ source, record }: Entry): Entry[] {
    const by_seq = this.#by_seq.get(source);
    const { cause_seq, reuse_seq } = record;
    const seqs = reuse_seq === undefined ? cause_seq : [...cause_seq, reuse_seq];
    return seqs.flatMap((seq) => by_seq?.get(seq) ?? []);
  }

  find(source: Source, seq: number): Entry | undefined {
    return this.#by_seq.get(source)?.get(seq);
  }

  /** `h1:vm1/r0` where there are several ledgers, else `vm1/r0`. */
  nameOf(source: Source, id: string): string {
    return this.sources.length > 1 ? `${source.host}:${id}` : id;
  }

  /** Whether a name that was given is of this thing; a host in front of it is optional. */
  isNamed(source: Source, id: string | null | undefined, name: string): boolean {
    return id !== undefined && id !== null && (id === name || `${source.host}:${id}` === name);
  }
}

function tooLarge(folder: string): Error {
  const limit = LEDGER_LIMITS.question_records;
  return ledgerError('HP_LEDGER_TOO_LARGE', `there are more than ${limit} records in ${folder}.`, {
    details: { folder, limit },
  });
}

/** HP_LEDGER_UNKNOWN. */
export function unknownName(name: string): Error {
  return ledgerError('HP_LEDGER_UNKNOWN', `the ledgers say nothing of '${name}'.`, {
    details: { name },
  });
}
