/**
 * Table: rows by key that never change; `with` gives the next table. Order is that of insertion.
 * Pure.
 *
 * A copied `Map` of 256 rows costs more than a whole step of the core, so rows are kept in short
 * chunks: a change copies one of them and the list of chunks. Where the row of a key is, versions
 * share: the newest keeps it right, and an older one that is read looks through its rows, once.
 *
 * No version leads to a newer one. A dead version that has grown old would hold all that came after
 * it until the whole heap is searched, and an agent makes a version with every step.
 */

/** More changes than these are found by a map instead of by looking along them. */
const FEW = 8;

/** What no change has been put into yet; the first one takes its place. */
const NOTHING: never[] = [];

/**
 * Changes of a table by key, in order; null takes a row away. Made for a few: a step seldom has
 * more, and most have none in some table and one in another, so no room is made ahead.
 */
export class Edits<Row> {
  readonly #table: Table<Row>;
  #keys: string[] = NOTHING;
  #rows: (Row | null)[] = NOTHING;
  #before: (Row | null)[] = NOTHING;
  #places: Map<string, number> | null = null;
  /** What was looked for last in the table: a step looks for one row again and again. */
  #found_key = '';
  #found: Row | undefined;

  constructor(table: Table<Row>) {
    this.#table = table;
  }

  get keys(): readonly string[] {
    return this.#keys;
  }

  /** What the rows become, in the order of `keys`. */
  get rows(): readonly (Row | null)[] {
    return this.#rows;
  }

  /** What the table has of them; null: none. */
  get before(): readonly (Row | null)[] {
    return this.#before;
  }

  /** What the row becomes; undefined: it does not change. */
  get(key: string): Row | null | undefined {
    const place = this.#placeOf(key);
    return place < 0 ? undefined : this.#rows[place];
  }

  /** The row as it is with these changes; undefined: there is none. */
  row(key: string): Row | undefined {
    const place = this.#placeOf(key);
    return place < 0 ? this.unchanged(key) : (this.#rows[place] ?? undefined);
  }

  /** What the table has, whatever these changes are; undefined: nothing. */
  unchanged(key: string): Row | undefined {
    if (key !== this.#found_key || this.#found === undefined) {
      this.#found = this.#table.get(key);
      this.#found_key = key;
    }
    return this.#found;
  }

  /** What the table has of a row that changes; undefined: it does not change, or is new. */
  rowBefore(key: string): Row | undefined {
    const place = this.#placeOf(key);
    return place < 0 ? undefined : (this.#before[place] ?? undefined);
  }

  /** Every row as it is with these changes; those that are new come last. */
  *all(): Generator<Row, undefined> {
    for (const [key, found] of this.#table) {
      const place = this.#placeOf(key);
      const row = place < 0 ? found : this.#rows[place];
      if (row) yield row;
    }
    for (const [place, row] of this.#rows.entries()) {
      if (row && this.#before[place] === null) yield row;
    }
  }

  set(key: string, row: Row | null): void {
    const place = this.#placeOf(key);
    if (place < 0) this.replace(key, this.unchanged(key) ?? null, row);
    else this.#rows[place] = row;
  }

  /** The first change of a row of which it is known what the table has. */
  replace(key: string, before: Row | null, row: Row | null): void {
    if (this.#keys.length === 0) {
      this.#keys = [key];
      this.#rows = [row];
      this.#before = [before];
      return;
    }
    this.#keys.push(key);
    this.#rows.push(row);
    this.#before.push(before);
    if (this.#keys.length > FEW) this.#index(key);
  }

  #placeOf(key: string): number {
    if (this.#places) return this.#places.get(key) ?? -1;
    const keys = this.#keys;
    for (let place = 0; place < keys.length; place += 1) if (keys[place] === key) return place;
    return -1;
  }

  #index(key: string): void {
    if (this.#places) this.#places.set(key, this.#keys.length - 1);
    else this.#places = new Map(this.#keys.map((one, place) => [one, place]));
  }
}

const CHUNK_BITS = 5;
const CHUNK_ROWS = 2 ** CHUNK_BITS;

/** So few chunks are not packed, however empty they are. */
const CHUNKS_FEW = 2;

type Chunks<Item> = (readonly Item[])[];

/** Where the rows are, by key: right for the newest of the versions that share it. */
interface Places {
  readonly of: Map<string, number>;
  newest: number;
}

export class Table<Row> implements ReadonlyMap<string, Row> {
  readonly size: number;
  /** Of every place in use; of one whose row was taken away too. */
  readonly #keys: Readonly<Chunks<string>>;
  /** Null: it was taken away. */
  readonly #rows: Readonly<Chunks<Row | null>>;
  #places: Places;
  #version: number;

  private constructor(
    size: number,
    keys: Readonly<Chunks<string>>,
    rows: Readonly<Chunks<Row | null>>,
    places: Places,
  ) {
    this.size = size;
    this.#keys = keys;
    this.#rows = rows;
    this.#places = places;
    this.#version = places.newest;
  }

  static empty<Row>(): Table<Row> {
    return new Table<Row>(0, [], [], { of: new Map(), newest: 0 });
  }

  /** The next table; this one itself when nothing changes. */
  with(edits: Edits<Row>): Table<Row> {
    if (edits.keys.length === 0) return this;
    const places = this.#own();
    places.newest += 1;
    let { size } = this;
    let keys: Chunks<string> | null = null;
    const rows = this.#rows.slice();
    for (let change = 0; change < edits.keys.length; change += 1) {
      const key = edits.keys[change] ?? '';
      const row = edits.rows[change] ?? null;
      const place = places.of.get(key);
      if (place !== undefined) {
        put(rows, place, row);
        if (row !== null) continue;
        places.of.delete(key);
        size -= 1;
      } else if (row !== null) {
        keys ??= this.#keys.slice();
        places.of.set(key, add(rows, row));
        add(keys, key);
        size += 1;
      }
    }
    const next = new Table(size, keys ?? this.#keys, rows, places);
    const is_sparse = rows.length > CHUNKS_FEW && rows.length * CHUNK_ROWS > 4 * size;
    return is_sparse ? next.#packed() : next;
  }

  /** The same rows without empty places. */
  #packed(): Table<Row> {
    const keys: Chunks<string> = [];
    const rows: Chunks<Row> = [];
    const of = new Map<string, number>();
    for (const [key, row] of this) {
      of.set(key, add(rows, row));
      add(keys, key);
    }
    return new Table<Row>(this.size, keys, rows, { of, newest: 0 });
  }

  /** The places; a version that is not the newest finds its own, once. */
  #own(): Places {
    if (this.#places.newest === this.#version) return this.#places;
    const of = new Map<string, number>();
    for (const [at, chunk] of this.#rows.entries()) {
      for (const [index, row] of chunk.entries()) {
        if (row !== null) of.set(this.#keys[at]?.[index] ?? '', at * CHUNK_ROWS + index);
      }
    }
    this.#places = { of, newest: 0 };
    this.#version = 0;
    return this.#places;
  }

  get(key: string): Row | undefined {
    const place = this.#own().of.get(key);
    if (place === undefined) return undefined;
    return this.#rows[place >>> CHUNK_BITS]?.[place % CHUNK_ROWS] ?? undefined;
  }

  has(key: string): boolean {
    return this.#own().of.has(key);
  }

  *keys(): Generator<string, undefined> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<Row, undefined> {
    for (const chunk of this.#rows) for (const row of chunk) if (row !== null) yield row;
  }

  *entries(): Generator<[string, Row], undefined> {
    for (const [at, chunk] of this.#rows.entries()) {
      for (const [index, row] of chunk.entries()) {
        if (row !== null) yield [this.#keys[at]?.[index] ?? '', row];
      }
    }
  }

  [Symbol.iterator](): Generator<[string, Row], undefined> {
    return this.entries();
  }

  forEach(run: (row: Row, key: string, table: ReadonlyMap<string, Row>) => void): void {
    for (const [key, row] of this) run(row, key, this);
  }
}

function put<Item>(chunks: Chunks<Item>, place: number, item: Item): void {
  const chunk = chunks[place >>> CHUNK_BITS]?.slice() ?? [];
  chunk[place % CHUNK_ROWS] = item;
  chunks[place >>> CHUNK_BITS] = chunk;
}

/** Puts it behind all others and says where. */
function add<Item>(chunks: Chunks<Item>, item: Item): number {
  const last = chunks.at(-1);
  if (!last || last.length === CHUNK_ROWS) return (chunks.push([item]) - 1) * CHUNK_ROWS;
  chunks[chunks.length - 1] = [...last, item];
  return (chunks.length - 1) * CHUNK_ROWS + last.length;
}
