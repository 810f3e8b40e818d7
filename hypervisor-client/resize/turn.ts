/** One at a time, in the order of arrival, and not for ever in the queue. */
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { vmmError } from '../errors.ts';

export class Turn {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /**
   * Runs `work` when everything before it has ended. Null when its turn did not come within
   * `deadline_ms`: then it is never run.
   */
  async take<T>(work: () => Promise<T>, clock: Clock, deadline_ms: number): Promise<T | null> {
    if (this.#waiting >= LIMITS.regions_per_vm) {
      throw vmmError('HP_VMM_BUSY', `${this.#waiting} operations wait already.`);
    }
    this.#waiting += 1;
    const before = this.#tail;
    const { promise, resolve, reject } = Promise.withResolvers<T | null>();
    let gave_up = false;
    const callOff = clock.timer(deadline_ms, () => {
      gave_up = true;
      resolve(null);
    });
    const mine = (async () => {
      await before;
      callOff();
      try {
        if (!gave_up) resolve(await work());
      } catch (error) {
        reject(error);
      } finally {
        this.#waiting -= 1;
      }
    })();
    this.#tail = mine;
    return await promise;
  }
}
