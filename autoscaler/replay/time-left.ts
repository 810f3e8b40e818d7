/** How long a replay still takes, from the windows to come and what came beside those so far. */

export interface TurnSoFar {
  /** Of the window of now; all of it when it is over. */
  readonly elapsed_ms: number;
  readonly window_ms: number;
  /** Mechanisms of this round whose turn comes later, and of a round. */
  readonly later: number;
  readonly of: number;
}

export class TimeLeft {
  /** Rounds after this one. */
  readonly #later_rounds: number;
  /** Boots, drains and removals of one mechanism: the longest so far. */
  #beside_ms: number;

  constructor(later_rounds = 0, beside_ms = 0) {
    this.#later_rounds = later_rounds;
    this.#beside_ms = beside_ms;
  }

  get beside_ms(): number {
    return this.#beside_ms;
  }

  /** A mechanism is done that took this long from its first deploy to its last removal. */
  took(total_ms: number, window_ms: number): void {
    this.#beside_ms = Math.max(this.#beside_ms, total_ms - window_ms);
  }

  ms({ elapsed_ms, window_ms, later, of }: TurnSoFar): number {
    const whole = later + this.#later_rounds * of;
    return Math.max(0, window_ms - elapsed_ms) + whole * (window_ms + this.#beside_ms);
  }
}
