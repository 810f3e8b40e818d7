/**
 * Counts by function and minute in few bytes: two for most, where three numbers would take twelve,
 * and a day of 2019 has six million. Groups of one function each, of numbers of variable length
 * (seven bits a byte, the lowest first, as in Protocol Buffers): its index; for each cell by how
 * much its minute is above the one before, so that 0 is free to end the group, and its count.
 */

/** Minute and count by turns. */
export const CELL_NUMBERS = 2;

const BLOCK_BYTES = 256 * 1024;
/** Of one number below 2^32. */
const NUMBER_BYTES = 5;
/** A cell and what may have to stand around it: index, minute, count, end. */
const CELL_BYTES = 4 * NUMBER_BYTES;
const MORE = 0x80;
const BITS = 0x7f;

export class PackedCells {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Of each block but the last, how much is used. */
  readonly #used: number[] = [];
  #block = new Uint8Array(0);
  #at = 0;
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Cells of one function, up to `length` numbers. */
  add(function_index: number, numbers: Uint32Array, length: number): void {
    let at = 0;
    while (at < length) at = this.#addGroup(function_index, numbers, at, length);
    this.#length += length / CELL_NUMBERS;
  }

  /** As many of them as there is room for in a block; returns where the next one stands. */
  #addGroup(function_index: number, numbers: Uint32Array, from: number, length: number): number {
    if (this.#block.length - this.#at < CELL_BYTES) this.#newBlock();
    const block = this.#block;
    const room = block.length - CELL_BYTES;
    let to = put(block, this.#at, function_index);
    let before = -1;
    let at = from;
    for (; at < length && to <= room; at += CELL_NUMBERS) {
      const minute = numbers[at] ?? 0;
      const count = numbers[at + 1] ?? 0;
      // A minute that comes after a later one begins a group of its own.
      if (minute <= before) break;
      const above = minute - before;
      before = minute;
      if (above < MORE && count < MORE) {
        block[to] = above;
        block[to + 1] = count;
        to += 2;
      } else to = put(block, put(block, to, above), count);
    }
    block[to] = 0;
    this.#at = to + 1;
    return at;
  }

  #newBlock(): void {
    if (this.#blocks.length > 0) this.#used.push(this.#at);
    this.#block = new Uint8Array(BLOCK_BYTES);
    this.#blocks.push(this.#block);
    this.#at = 0;
  }

  /** Each of them, in the order in which they were added. */
  forEach(tell: (function_index: number, minute: number, count: number) => void): void {
    const reader = new NumberReader();
    for (const [index, block] of this.#blocks.entries()) {
      const used = this.#used[index] ?? this.#at;
      reader.begin(block);
      while (reader.at < used) {
        const function_index = reader.next();
        let minute = -1;
        for (let above = reader.next(); above > 0; above = reader.next()) {
          minute += above;
          tell(function_index, minute, reader.next());
        }
      }
    }
  }
}

/** Writes a number below 2^32; returns where the next one goes. */
function put(block: Uint8Array, from: number, number: number): number {
  let at = from;
  let rest = number;
  for (; rest >= MORE; at += 1) {
    block[at] = (rest & BITS) | MORE;
    rest >>>= 7;
  }
  block[at] = rest;
  return at + 1;
}

class NumberReader {
  at = 0;
  #block = new Uint8Array(0);

  begin(block: Uint8Array<ArrayBuffer>): void {
    this.#block = block;
    this.at = 0;
  }

  next(): number {
    let number = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#block[this.at] ?? 0;
      this.at += 1;
      number |= (byte & BITS) << shift;
      if (byte < MORE) return number >>> 0;
    }
  }
}
