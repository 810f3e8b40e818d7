/** Who waits for an instance of each function, in order of arrival: lists through columns. Pure. */
import { assert } from '../../base/assert.ts';

const NONE = -1;

export class InvocationQueues {
  readonly #counts: Int32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  /** By invocation. */
  readonly #next: Int32Array;

  constructor(functions: number, invocations: number) {
    this.#counts = new Int32Array(functions);
    this.#first = new Int32Array(functions).fill(NONE);
    this.#last = new Int32Array(functions).fill(NONE);
    this.#next = new Int32Array(invocations).fill(NONE);
  }

  count(fn: number): number {
    return this.#counts[fn] ?? 0;
  }

  push(fn: number, invocation: number): void {
    const last = this.#last[fn] ?? NONE;
    if (last === NONE) this.#first[fn] = invocation;
    else this.#next[last] = invocation;
    this.#last[fn] = invocation;
    this.#counts[fn] = (this.#counts[fn] ?? 0) + 1;
  }

  /** Takes out the oldest; there must be one. */
  shift(fn: number): number {
    const first = this.#first[fn] ?? NONE;
    assert(first !== NONE, 'a queue that is not empty has a first');
    const next = this.#next[first] ?? NONE;
    this.#first[fn] = next;
    if (next === NONE) this.#last[fn] = NONE;
    this.#counts[fn] = (this.#counts[fn] ?? 0) - 1;
    return first;
  }

  /** Takes out the newest, which is this one. */
  dropLast(fn: number, newest: number): void {
    let before = NONE;
    for (let one = this.#first[fn] ?? NONE; one !== newest && one !== NONE; ) {
      before = one;
      one = this.#next[one] ?? NONE;
    }
    if (before === NONE) this.#first[fn] = NONE;
    else this.#next[before] = NONE;
    this.#last[fn] = before;
    this.#counts[fn] = (this.#counts[fn] ?? 0) - 1;
  }
}
