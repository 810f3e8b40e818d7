/** What is in the journal and not in the tables yet: of a row that changes often, the last only. */
import type { JournalLine, WrittenEntry } from './journal.ts';
import { perTable, type RowChange, type TableName } from './rows.ts';

export interface PendingRow {
  row: RowChange['row'];
  /** It was gone in between: if it is there again, it is the newest of its table. */
  was_dropped: boolean;
}

/** By key, in the order in which their table is to know them. */
type PendingRows = Map<string, PendingRow>;

export class Pending {
  readonly #rows: Record<TableName, PendingRows> = perTable(() => new Map());
  readonly #isInTable: (table: TableName, key: string) => boolean;
  #log: WrittenEntry[] = [];
  #is_empty = true;
  /** Of the last line in it. */
  sequence: number;

  /** `isInTable`: whether a table has the row, without what is pending. */
  constructor(sequence: number, isInTable: (table: TableName, key: string) => boolean) {
    this.sequence = sequence;
    this.#isInTable = isInTable;
  }

  add({ sequence, changes, log }: JournalLine): void {
    this.sequence = sequence;
    this.#is_empty = false;
    for (const change of changes) this.#change(change);
    for (const entry of log) this.#log.push(entry);
  }

  /** What came and went between two looks of the tables, as most operations do, they never see. */
  #change({ table, key, row }: RowChange): void {
    const rows = this.#rows[table];
    const known = rows.get(key);
    if (row !== null && known && known.row !== null) {
      known.row = row;
      return;
    }
    if (known) rows.delete(key);
    const was_dropped = row === null || known !== undefined;
    if (row !== null || this.#isInTable(table, key)) rows.set(key, { row, was_dropped });
  }

  /** Rows in the order in which their table is to know them. */
  rows(table: TableName): ReadonlyMap<string, PendingRow> {
    return this.#rows[table];
  }

  get log(): readonly WrittenEntry[] {
    return this.#log;
  }

  /** Whether no line came; one of which nothing is left is told as taken in, too. */
  get isEmpty(): boolean {
    return this.#is_empty;
  }

  clear(): void {
    for (const rows of Object.values(this.#rows)) rows.clear();
    this.#log = [];
    this.#is_empty = true;
  }
}
