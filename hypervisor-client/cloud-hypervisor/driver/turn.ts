/** One at a time, in the order of arrival, and not for ever in the queue. */
import { LIMITS } from '../../../base/limits.ts';
import { vmmError } from '../../errors.ts';

export class Turn {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Runs `work` when everything before it has ended. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= LIMITS.regions_per_vm) {
      throw vmmError('HP_VMM_BUSY', `${this.#waiting} operations wait already.`);
    }
    this.#waiting += 1;
    const before = this.#tail;
    const mine = (async () => {
      await before.catch(() => undefined);
      try {
        return await work();
      } finally {
        this.#waiting -= 1;
      }
    })();
    this.#tail = mine;
    return await mine;
  }
}
