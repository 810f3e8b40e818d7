/**
 * Which functions have series of their own: a bounded number, so that nobody who deploys can fill
 * the memory of whoever scrapes. The rest is counted together. Pure.
 */
import { OTHER_FUNCTIONS } from './table.ts';

export class FunctionNames {
  readonly #limit: number;
  readonly #names = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The label of a function: its own name, or `other` when all places are taken. */
  labelOf(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#limit) return OTHER_FUNCTIONS;
    this.#names.add(name);
    return name;
  }

  /**
   * With all places taken: gives up those of functions that are not `present`, and returns them.
   * Until then their counters stay, so that a function deployed again goes on counting.
   */
  freeUp(present: (name: string) => boolean): readonly string[] {
    if (this.#names.size < this.#limit) return [];
    const gone = [...this.#names].filter((name) => !present(name));
    for (const name of gone) this.#names.delete(name);
    return gone;
  }
}
