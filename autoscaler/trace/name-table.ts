/** Numbers for names, as they are met in bytes: a name becomes a string only once. */

/** Longer names are told apart by their ends and their middle first, then byte by byte. */
const HASHED_BYTES = 48;
const PART_BYTES = HASHED_BYTES / 3;
const FIRST_SLOTS = 1_024;
const PRIME = 0x01000193;

export class NameTable {
  /** Number plus one of each slot; 0: free. */
  #slots = new Uint32Array(FIRST_SLOTS);
  readonly #hashes: number[] = [];
  readonly #names: DataView[] = [];

  get size(): number {
    return this.#names.length;
  }

  /** The number of a name, from 0 in order of first appearance; below 0: it was not there. */
  find(bytes: DataView, from: number, to: number): number {
    const found = this.#slotOf(hashOf(bytes, from, to), bytes, from, to);
    return (this.#slots[found] ?? 0) - 1;
  }

  /** Adds a name that is not there. Returns its number. */
  add(bytes: DataView, from: number, to: number): number {
    const hash = hashOf(bytes, from, to);
    const slot = this.#slotOf(hash, bytes, from, to);
    const begin = bytes.byteOffset;
    this.#names.push(new DataView(bytes.buffer.slice(begin + from, begin + to)));
    this.#hashes.push(hash);
    this.#slots[slot] = this.#names.length;
    if (this.#names.length * 2 > this.#slots.length) this.#grow();
    return this.#names.length - 1;
  }

  /** Where the name is, or where it belongs. */
  #slotOf(hash: number, bytes: DataView, from: number, to: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = (this.#slots[slot] ?? 0) - 1;
      if (index < 0) return slot;
      const name = this.#names[index];
      if (this.#hashes[index] === hash && name && isSame(name, bytes, from, to)) return slot;
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (const [index, hash] of this.#hashes.entries()) {
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
    this.#slots = slots;
  }
}

/** FNV-1a by words, with the last steps of MurmurHash3, so that low bits differ too. */
function hashOf(bytes: DataView, from: number, to: number): number {
  const length = to - from;
  let hash = Math.imul(0x811c9dc5 ^ length, PRIME);
  if (length <= HASHED_BYTES) return mixed(hashPart(hash, bytes, from, to));
  hash = hashPart(hash, bytes, from, from + PART_BYTES);
  const middle = from + ((length - PART_BYTES) >> 1);
  hash = hashPart(hash, bytes, middle, middle + PART_BYTES);
  return mixed(hashPart(hash, bytes, to - PART_BYTES, to));
}

function hashPart(before: number, bytes: DataView, from: number, to: number): number {
  let hash = before;
  let at = from;
  for (; at + 4 <= to; at += 4) hash = Math.imul(hash ^ bytes.getInt32(at, true), PRIME);
  for (; at < to; at += 1) hash = Math.imul(hash ^ bytes.getUint8(at), PRIME);
  return hash;
}

function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}

function isSame(name: DataView, bytes: DataView, from: number, to: number): boolean {
  const length = to - from;
  if (name.byteLength !== length) return false;
  let at = 0;
  for (; at + 8 <= length; at += 8) {
    // Equal numbers are equal bytes but for zeros, and bytes that are no number are no text.
    const number = name.getFloat64(at, true);
    if (number === bytes.getFloat64(from + at, true) && number !== 0) continue;
    const first = name.getInt32(at, true) ^ bytes.getInt32(from + at, true);
    const second = name.getInt32(at + 4, true) ^ bytes.getInt32(from + at + 4, true);
    if ((first | second) !== 0) return false;
  }
  for (; at < length; at += 1) if (name.getUint8(at) !== bytes.getUint8(from + at)) return false;
  return true;
}
