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

/** Positions of a list in ascending order of its values; equal values keep their order. */
export function orderOf(list: NumberList): Uint32Array {
  const values = list.values();
  const order = new Uint32Array(values.length);
  let sorted = true;
  for (let index = 0; index < order.length; index += 1) {
    order[index] = index;
    if (index > 0 && (values[index - 1] ?? 0) > (values[index] ?? 0)) sorted = false;
  }
  if (sorted) return order;
  return order.toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
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
