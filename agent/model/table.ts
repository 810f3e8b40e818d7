/**
 * Table: rows by key that never change; `with` gives the next table. Pure.
 *
 * A copied `Map` of 256 rows costs more than a whole step of the core, so versions share one: the
 * newest owns it and an older one keeps what undoes the way to the next newer (after Baker,
 * "Shallow binding makes functional arrays fast", 1991). Whoever goes on from the newest pays for
 * the changed rows only; who reads an older one pays for a copy, which stays with it. Order is that of insertion; in an
 * older version, rows that were taken away since come last.
 */
import { assert } from '../../base/assert.ts';

/** More changes than these are found by a map instead of by looking along them. */
const FEW = 8;

/** Changes by key, in order; null takes a row away. Made for a few: a step seldom has more. */
export class Edits<Row> {
  readonly keys: string[] = [];
  readonly rows: (Row | null)[] = [];
  #places: Map<string, number> | null = null;

  /** What the row becomes; undefined: it does not change. */
  get(key: string): Row | null | undefined {
    const place = this.#placeOf(key);
    return place < 0 ? undefined : this.rows[place];
  }

  set(key: string, row: Row | null): void {
    const place = this.#placeOf(key);
    if (place >= 0) {
      this.rows[place] = row;
      return;
    }
    this.keys.push(key);
    this.rows.push(row);
    if (this.keys.length > FEW) this.#index(key);
  }

  #placeOf(key: string): number {
    return this.#places ? (this.#places.get(key) ?? -1) : this.keys.indexOf(key);
  }

  #index(key: string): void {
    if (this.#places) this.#places.set(key, this.keys.length - 1);
    else this.#places = new Map(this.keys.map((one, place) => [one, place]));
  }
}

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
  /** It was read when it was not the newest: it is likely to be gone on from again. */
  #kept = false;

  private constructor(rows: Map<string, Row>) {
    this.#rows = rows;
  }

  static empty<Row>(): Table<Row> {
    return new Table(new Map());
  }

  /** The next table; this one itself when nothing changes. */
  with(edits: Edits<Row>): Table<Row> {
    if (edits.keys.length === 0) return this;
    const rows = this.#rows ?? this.#own();
    if (this.#kept) {
      const copy = new Map(rows);
      apply(copy, edits);
      return new Table(copy);
    }
    const newer = new Table<Row>(rows);
    this.#undo = { newer, before: apply(rows, edits) };
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
    this.#kept = true;
    return rows;
  }

  get size(): number {
    return this.#own().size;
  }

  get(key: string): Row | undefined {
    return (this.#rows ?? this.#own()).get(key);
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
function apply<Row>(rows: Map<string, Row>, edits: Edits<Row>): readonly Before<Row>[] {
  return edits.keys.map((key, place) => {
    const before = rows.get(key) ?? null;
    put(rows, key, edits.rows[place] ?? null);
    return [key, before];
  });
}

function restore<Row>(rows: Map<string, Row>, before: readonly Before<Row>[]): void {
  for (const [key, row] of before) put(rows, key, row);
}

function put<Row>(rows: Map<string, Row>, key: string, row: Row | null): void {
  if (row === null) rows.delete(key);
  else rows.set(key, row);
}
