/**
 * Long work in pieces, between which others have a turn of the event loop. A turn is bounded by the
 * clock: what a piece costs depends on the host and on how warm its code is, and nobody knows. All
 * who work in pieces of one instance share its turns, and however many they are, no turn is longer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, hostClock } from './clock.ts';

export class Pieces {
  readonly #turn_ms: number;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #end_ms: number;
  /** The piece that was asked for last, of whoever. */
  #last: Promise<void> = Promise.resolve();

  /** `turn_ms`: no piece is begun in a turn that has lasted for so long. */
  constructor(turn_ms: number, clock: Pick<Clock, 'nowMs'> = hostClock) {
    this.#turn_ms = turn_ms;
    this.#clock = clock;
    this.#end_ms = clock.nowMs() + turn_ms;
  }

  /** Before a piece: resolves at once, or in a turn in which there is time for it. */
  gap(): Promise<void> {
    return this.#after(() => this.#clock.nowMs() >= this.#end_ms);
  }

  /** Resolves in a later turn: before a piece that is long by itself and cannot be cut. */
  turn(): Promise<void> {
    return this.#after(() => true);
  }

  /** In the order in which they ask: each after the piece of the one before was begun. */
  #after(isLate: () => boolean): Promise<void> {
    const before = this.#last;
    const wait = async (): Promise<void> => {
      await before;
      if (!isLate()) return;
      await nextTurn();
      this.#end_ms = this.#clock.nowMs() + this.#turn_ms;
    };
    this.#last = wait();
    return this.#last;
  }
}
