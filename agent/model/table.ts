/**
 * Table: rows by key that never change; `with` gives the next table. Pure.
 *
 * A copied `Map` of 256 rows costs more than a whole step of the core, so versions share one: the
 * newest owns it and an older one keeps what undoes the way to the next newer (after Baker,
 * "Shallow binding makes functional arrays fast", 1991). Whoever goes on from the newest pays for
 * the changed rows only; who reads an older one pays for a copy. Order is that of insertion; in an
 * older version, rows that were taken away since come last.
 */
import { assert } from '../../base/assert.ts';

/** Changes by key; null takes a row away. */
export type Changes<Row> = ReadonlyMap<string, Row | null>;

/** The way from a version to the next newer, backwards. */
interface Undo<Row> {
  readonly newer: Table<Row>;
  readonly before: readonly Before<Row>[];
}

/** What a key had: its row, or null for none. */
type Before<Row> = readonly [key: string, row: Row | null];

export class Table<Row> implements ReadonlyMap<string, Row> {
  #rows: Map<string, Row> | null;
  #undo: Undo<Row> | null = null;

  private constructor(rows: Map<string, Row>) {
    this.#rows = rows;
  }

  static empty<Row>(): Table<Row> {
    return new Table(new Map());
  }

  /** The next table; this one itself when nothing changes. */
  with(changes: Changes<Row>): Table<Row> {
    if (changes.size === 0) return this;
    const rows = this.#own();
    const newer = new Table<Row>(rows);
    this.#undo = { newer, before: apply(rows, changes) };
    this.#rows = null;
    return newer;
  }

  /** The rows; a version that is not the newest gets a copy of its own, once. */
  #own(): Map<string, Row> {
    if (this.#rows) return this.#rows;
    const way: (readonly Before<Row>[])[] = [];
    let newest: Map<string, Row> | null = null;
    for (let undo = this.#undo; undo; undo = undo.newer.#undo) {
      way.push(undo.before);
      newest = undo.newer.#rows;
    }
    assert(newest, 'a table without an undo owns its rows');
    const rows = new Map(newest);
    for (const before of way.toReversed()) restore(rows, before);
    this.#rows = rows;
    this.#undo = null;
    return rows;
  }

  get size(): number {
    return this.#own().size;
  }

  get(key: string): Row | undefined {
    return this.#own().get(key);
  }

  has(key: string): boolean {
    return this.#own().has(key);
  }

  keys(): MapIterator<string> {
    return this.#own().keys();
  }

  values(): MapIterator<Row> {
    return this.#own().values();
  }

  entries(): MapIterator<[string, Row]> {
    return this.#own().entries();
  }

  [Symbol.iterator](): MapIterator<[string, Row]> {
    return this.#own().entries();
  }

  forEach(run: (row: Row, key: string, table: ReadonlyMap<string, Row>) => void): void {
    for (const [key, row] of this.#own()) run(row, key, this);
  }
}

/** Makes the changes in `rows` and says what was there before. */
function apply<Row>(rows: Map<string, Row>, changes: Changes<Row>): readonly Before<Row>[] {
  const before: Before<Row>[] = [];
  for (const [key, row] of changes) {
    before.push([key, rows.get(key) ?? null]);
    put(rows, key, row);
  }
  return before;
}

function restore<Row>(rows: Map<string, Row>, before: readonly Before<Row>[]): void {
  for (const [key, row] of before) put(rows, key, row);
}

function put<Row>(rows: Map<string, Row>, key: string, row: Row | null): void {
  if (row === null) rows.delete(key);
  else rows.set(key, row);
}
