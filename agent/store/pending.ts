/** What is in the journal and not in the tables yet: of a row that changes often, the last only. */
import type { JournalLine, LogEntry } from './journal.ts';
import type { RowChange } from './rows.ts';

export interface PendingRow extends RowChange {
  /** It was gone in between: if it is there again, it is the newest of its table. */
  readonly was_dropped: boolean;
}

export class Pending {
  readonly #rows = new Map<string, PendingRow>();
  #log: LogEntry[] = [];
  /** Of the last line in it. */
  sequence: number;

  constructor(sequence: number) {
    this.sequence = sequence;
  }

  add({ sequence, changes, log }: JournalLine): void {
    this.sequence = sequence;
    for (const change of changes) {
      const name = `${change.table} ${change.key}`;
      const known = this.#rows.get(name);
      const was_dropped = change.row === null || known?.was_dropped === true;
      if (known?.row === null) this.#rows.delete(name);
      this.#rows.set(name, { ...change, was_dropped });
    }
    this.#log.push(...log);
  }

  /** Rows in the order in which the tables are to know them. */
  get rows(): Iterable<PendingRow> {
    return this.#rows.values();
  }

  get log(): readonly LogEntry[] {
    return this.#log;
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0 && this.#log.length === 0;
  }

  clear(): void {
    this.#rows.clear();
    this.#log = [];
  }
}
