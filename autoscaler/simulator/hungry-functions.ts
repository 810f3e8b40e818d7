/** Functions that wait for memory, the longest first. */
export class HungryFunctions {
  #line: number[] = [];
  readonly #is_in_line: Uint8Array;

  constructor(functions: number) {
    this.#is_in_line = new Uint8Array(functions);
  }

  get length(): number {
    return this.#line.length;
  }

  /** One that waits already keeps its place. */
  add(fn: number): void {
    if (this.#is_in_line[fn] === 0) this.#line.push(fn);
    this.#is_in_line[fn] = 1;
  }

  /** Memory has come back: each tries in turn, until one is still hungry, which keeps its place. */
  feed(tryIt: (fn: number) => void): void {
    while (this.#line.length > 0) {
      const next = this.#line.shift() ?? 0;
      this.#is_in_line[next] = 0;
      tryIt(next);
      if (this.#is_in_line[next] === 1) {
        this.#line.unshift(this.#line.pop() ?? next);
        return;
      }
    }
  }

  /** `bytes` of each, by function, in sum. */
  sum(bytes: Float64Array): number {
    return this.#line.reduce((sum, fn) => sum + (bytes[fn] ?? 0), 0);
  }
}
