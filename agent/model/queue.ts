/**
 * Queue: what waits, oldest first, never changed: every operation gives the next queue. Pure. It is
 * kept in short chunks, and a change copies one of them and the list of chunks, so adding and
 * taking cost about the same at ten thousand waiting as at one.
 */

/** What a queue holds: in order of arrival, which is how one in the middle is found. */
export interface Queued {
  /** Larger than that of all that came before. */
  readonly sequence: number;
  /** When it is to be over; absent: nobody says. */
  readonly deadline_at_ms?: number;
}

const isDated = ({ deadline_at_ms }: Queued): number => (deadline_at_ms === undefined ? 0 : 1);

const CHUNK_ITEMS = 64;

type Chunks<Item> = readonly (readonly Item[])[];

export class Queue<Item extends Queued> implements Iterable<Item> {
  /** How many wait. */
  readonly length: number;
  /** How many of them are to be over at a time of their own. */
  readonly dated: number;
  readonly #chunks: Chunks<Item>;
  /** Taken already from the first chunk. */
  readonly #taken: number;

  private constructor(chunks: Chunks<Item>, taken: number, length: number, dated: number) {
    this.#chunks = chunks;
    this.#taken = taken;
    this.length = length;
    this.dated = dated;
  }

  static empty<Item extends Queued>(): Queue<Item> {
    return new Queue<Item>([], 0, 0, 0);
  }

  /** The oldest; undefined when nothing waits. */
  get first(): Item | undefined {
    return this.#chunks[0]?.[this.#taken];
  }

  push(item: Item): Queue<Item> {
    const last = this.#chunks.at(-1);
    const open = last !== undefined && last.length < CHUNK_ITEMS;
    const full = open ? this.#chunks.slice(0, -1) : this.#chunks.slice();
    full.push(open ? [...last, item] : [item]);
    return new Queue(full, this.#taken, this.length + 1, this.dated + isDated(item));
  }

  /** One that was in it before, at its place again. */
  insert(item: Item): Queue<Item> {
    const place = this.#chunkOf(item.sequence);
    const chunk = this.#chunks[place];
    if (!chunk) return this.push(item);
    const taken = place === 0 ? this.#taken : 0;
    const left = chunk.slice(taken);
    const chunks = this.#chunks.with(
      place,
      left.toSpliced(firstFrom(left, item.sequence), 0, item),
    );
    return new Queue(chunks, this.#taken - taken, this.length + 1, this.dated + isDated(item));
  }

  /** Without the oldest. */
  shift(): Queue<Item> {
    const [chunk] = this.#chunks;
    const { first } = this;
    if (!chunk || !first) return this;
    const left = this.length - 1;
    const dated = this.dated - isDated(first);
    if (chunk.length - this.#taken > 1)
      return new Queue(this.#chunks, this.#taken + 1, left, dated);
    return new Queue(this.#chunks.slice(1), 0, left, dated);
  }

  /** Without this item; the same queue when it is not in it. */
  without({ sequence }: Queued): Queue<Item> {
    const { first } = this;
    if (!first || sequence < first.sequence) return this;
    if (sequence === first.sequence) return this.shift();
    const place = this.#chunkOf(sequence);
    const chunk = this.#chunks[place];
    const index = chunk ? firstFrom(chunk, sequence) : -1;
    const found = chunk?.[index];
    if (!chunk || found?.sequence !== sequence) return this;
    const chunks = this.#chunks.slice();
    if (chunk.length === 1) chunks.splice(place, 1);
    else chunks[place] = chunk.toSpliced(index, 1);
    return new Queue(chunks, this.#taken, this.length - 1, this.dated - isDated(found));
  }

  /** The item of that sequence number, if it still waits. */
  find(sequence: number): Item | undefined {
    const { first } = this;
    if (!first || sequence < first.sequence) return undefined;
    const chunk = this.#chunks[this.#chunkOf(sequence)];
    const found = chunk?.[firstFrom(chunk, sequence)];
    return found?.sequence === sequence ? found : undefined;
  }

  /** From the oldest with at least that sequence number on. */
  *from(sequence: number): IterableIterator<Item> {
    for (let place = this.#chunkOf(sequence); place < this.#chunks.length; place += 1) {
      const taken = place === 0 ? this.#taken : 0;
      for (const item of this.#chunks[place]?.slice(taken) ?? []) {
        if (item.sequence >= sequence) yield item;
      }
    }
  }

  /** Which chunk has it, if any has. */
  #chunkOf(sequence: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#chunks[middle]?.at(-1)?.sequence ?? Infinity;
      if (last < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  *[Symbol.iterator](): IterableIterator<Item> {
    let taken = this.#taken;
    for (const chunk of this.#chunks) {
      for (let index = taken; index < chunk.length; index += 1) {
        const item = chunk[index];
        if (item) yield item;
      }
      taken = 0;
    }
  }

  /** As a list, for a dump of the state. */
  toJSON(): readonly Item[] {
    return [...this];
  }
}

/** Place of the first item with at least that sequence number. */
function firstFrom(chunk: readonly Queued[], sequence: number): number {
  return chunk.findIndex((item) => item.sequence >= sequence);
}
