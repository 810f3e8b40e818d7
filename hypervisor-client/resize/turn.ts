/**
 * One at a time, and not for ever in the queue. Whoever has the turn may let others go first and
 * have it again later. Plugs, which somebody waits for, go before unplugs that came shortly before
 * them.
 */
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { vmmError } from '../errors.ts';
import { VMM_LIMITS } from '../limits.ts';

/** Who has the turn. */
export interface Hold {
  /** Whether others should have it now. */
  isWanted(): boolean;
  /**
   * Lets others have it and waits to have it again, `deadline_ms` at most: false when it did not
   * come again. Then it must not be used any more.
   */
  pass(deadline_ms: number): Promise<boolean>;
}

/** What asks for a turn. */
export interface TurnRequest {
  /** Somebody waits for it: it goes before what is not urgent. */
  readonly urgent: boolean;
  readonly deadline_ms: number;
}

interface Waiter {
  /** In this order they get it. */
  readonly rank_ms: number;
  readonly urgent: boolean;
  readonly begin: () => void;
}

export class Turn {
  readonly #clock: Clock;
  #queue: Waiter[] = [];
  #taken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs `work` when the turn comes. Null when it did not come within `deadline_ms`: then it is
   * never run. Throws HP_VMM_BUSY when as many wait as there can be regions.
   */
  async take<T>(request: TurnRequest, work: (hold: Hold) => Promise<T>): Promise<T | null> {
    if (!(await this.#wait(request))) return null;
    let since_ms = this.#clock.nowMs();
    let holds = true;
    const isWanted = (): boolean => {
      const [first] = this.#queue;
      if (!first || request.urgent) return false;
      const most_ms = first.urgent ? VMM_LIMITS.turn_ms : VMM_LIMITS.turn_beside_unplugs_ms;
      return this.#clock.nowMs() - since_ms >= most_ms;
    };
    const pass = async (deadline_ms: number): Promise<boolean> => {
      const again = this.#wait({ ...request, deadline_ms });
      this.#next();
      holds = await again;
      since_ms = this.#clock.nowMs();
      return holds;
    };
    try {
      return await work({ isWanted, pass });
    } finally {
      if (holds) this.#next();
    }
  }

  async #wait({ urgent, deadline_ms }: TurnRequest): Promise<boolean> {
    if (!this.#taken) {
      this.#taken = true;
      return true;
    }
    if (this.#queue.length >= LIMITS.regions_per_vm) {
      throw vmmError('HP_VMM_BUSY', `${this.#queue.length} operations wait already.`);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const rank_ms = this.#clock.nowMs() + (urgent ? 0 : VMM_LIMITS.unplugs_wait_ms);
    const callOff = this.#clock.timer(deadline_ms, () => {
      this.#queue = this.#queue.filter((one) => one !== waiter);
      resolve(false);
    });
    const waiter: Waiter = {
      rank_ms,
      urgent,
      begin: () => {
        callOff();
        resolve(true);
      },
    };
    this.#queue = [...this.#queue, waiter].toSorted((a, b) => a.rank_ms - b.rank_ms);
    return await promise;
  }

  #next(): void {
    const [first, ...rest] = this.#queue;
    this.#queue = rest;
    this.#taken = first !== undefined;
    first?.begin();
  }
}
