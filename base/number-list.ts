/** A list of numbers without a box for each: eight bytes a value, grown by doubling. */

const FIRST_CAPACITY = 16;

export class NumberList {
  #values = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** NaN outside of the list. */
  at(index: number): number {
    return index < this.#length ? (this.#values[index] ?? Number.NaN) : Number.NaN;
  }

  /** The values so far, not a copy: it is not to be changed, and stale after the next push. */
  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/** Gives the memory of an array back at once, instead of when it is collected: it is empty then. */
export function release({ buffer }: { readonly buffer: ArrayBuffer }): void {
  buffer.transfer(0);
}

/** Digits of 16 bits, so that four passes sort doubles. */
const RADIX = 0x1_0000;
const SIGN = 0x8000_0000;

/**
 * Positions of values in ascending order; equal values keep their order. By radix, digit for digit
 * of the sixteen bits, for what is not in order already.
 */
export function orderOf(values: Float64Array): Uint32Array {
  const order = new Uint32Array(values.length);
  let is_sorted = true;
  for (let index = 0; index < order.length; index += 1) {
    order[index] = index;
    if (index > 0 && (values[index - 1] ?? 0) > (values[index] ?? 0)) is_sorted = false;
  }
  if (is_sorted) return order;
  if (order.length < RADIX) {
    return order.toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
  }
  // Adding makes 0 of -0, which is no smaller.
  return radixOrder(new Uint32Array(values.map((value) => value + 0).buffer), order);
}

/** `words`: low and high half of each value, which become keys that sort as whole numbers do. */
function radixOrder(words: Uint32Array<ArrayBuffer>, from: Uint32Array<ArrayBuffer>): Uint32Array {
  for (let at = 0; at < words.length; at += 2) {
    const high = words[at + 1] ?? 0;
    const flip = high >= SIGN;
    words[at] = flip ? ~(words[at] ?? 0) : (words[at] ?? 0);
    words[at + 1] = flip ? ~high : high | SIGN;
  }
  let order = from;
  let next = new Uint32Array(from.length);
  for (let digit = 0; digit < 4; digit += 1) {
    const word = digit >> 1;
    const shift = (digit & 1) * 16;
    const places = placesOf(words, word, shift);
    for (const index of order) {
      const key = ((words[2 * index + word] ?? 0) >>> shift) & 0xffff;
      const place = places[key] ?? 0;
      places[key] = place + 1;
      next[place] = index;
    }
    [order, next] = [next, order];
  }
  release(next);
  release(words);
  return order;
}

/** Where the first value with each digit belongs. */
function placesOf(words: Uint32Array, word: number, shift: number): Uint32Array {
  const places = new Uint32Array(RADIX + 1);
  for (let at = word; at < words.length; at += 2) {
    const key = ((words[at] ?? 0) >>> shift) & 0xffff;
    places[key + 1] = (places[key + 1] ?? 0) + 1;
  }
  for (let key = 1; key < RADIX; key += 1)
    places[key] = (places[key] ?? 0) + (places[key - 1] ?? 0);
  return places;
}

/** Lowest and highest of any number of values, which a spread into arguments cannot take. */
export function boundsOf(values: Iterable<number>): {
  readonly low: number;
  readonly high: number;
} {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}
