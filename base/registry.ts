/**
 * Things of one kind by name, in the order in which they were added: what the project can choose
 * from. A new one is its own file and one line where the registry is filled. Pure.
 */
import { assert } from './assert.ts';

export class Registry<Entry extends { readonly name: string }> {
  readonly #what: string;
  readonly #entries = new Map<string, Entry>();

  /** `what` is the kind in singular, for the message when a name is not there. */
  constructor(what: string, entries: readonly Entry[] = []) {
    this.#what = what;
    for (const entry of entries) this.add(entry);
  }

  /** Adds one under a name that is free; the function returned takes it away again. */
  add(entry: Entry): () => void {
    assert(!this.#entries.has(entry.name), `one ${this.#what} of the name ${entry.name}`);
    this.#entries.set(entry.name, entry);
    return () => void this.#entries.delete(entry.name);
  }

  find(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** The entry of a name that was checked before. */
  get(name: string): Entry {
    const entry = this.#entries.get(name);
    assert(entry !== undefined, `a ${this.#what} of the name ${name}`);
    return entry;
  }

  /** In order; what is offered to people. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get all(): readonly Entry[] {
    return [...this.#entries.values()];
  }
}
