/** What stood ready in a run of the fast engine, where only idle instances do. Pure. */
import type { ReadyTally } from './outcome.ts';

export class ReadyMeter {
  readonly #window_ms: number;
  #calls = 0;
  #hits = 0;
  #starts = 0;
  #idle_byte_ms = 0;

  /** What comes after the window is not counted. */
  constructor(window_ms: number) {
    this.#window_ms = window_ms;
  }

  /** A call has an instance; `is_hit`: it was idle when the call came. */
  served(now_ms: number, is_hit: boolean): void {
    if (now_ms > this.#window_ms) return;
    this.#calls += 1;
    if (is_hit) this.#hits += 1;
  }

  /** A start that a call waits for has its region, of which nothing is plugged. */
  started(now_ms: number): void {
    if (now_ms <= this.#window_ms) this.#starts += 1;
  }

  /** An instance of so many bytes is idle no more. */
  wasIdle(bytes: number, since_ms: number, now_ms: number): void {
    const until_ms = Math.min(now_ms, this.#window_ms);
    if (until_ms > since_ms) this.#idle_byte_ms += bytes * (until_ms - since_ms);
  }

  tally(): ReadyTally {
    return {
      plugged: { asked: this.#starts, hits: 0, byte_ms: 0 },
      warm: { asked: this.#calls, hits: this.#hits, byte_ms: this.#idle_byte_ms },
    };
  }
}
