/** Long work in pieces, between which others have a turn of the event loop. */
import { setImmediate as nextTurn } from 'node:timers/promises';

export class Pieces {
  readonly #at_once: number;
  #done = 0;

  /** `at_once`: work of one turn, in whatever it is counted. */
  constructor(at_once: number) {
    this.#at_once = at_once;
  }

  /** That much was done: resolves at once, or in a later turn where it was enough for this one. */
  async did(work: number): Promise<void> {
    this.#done += work;
    if (this.#done < this.#at_once) return;
    this.#done = 0;
    await nextTurn();
  }
}
