/** One timer for the core's next wake. */
import type { Clock } from '../../base/clock.ts';

export class WakeTimer {
  readonly #clock: Clock;
  readonly #onWake: () => void;
  #timer: { readonly at_ms: number; readonly callOff: () => void } | null = null;

  constructor(clock: Clock, onWake: () => void) {
    this.#clock = clock;
    this.#onWake = onWake;
  }

  /** Replaces the time of the next wake; null: none. */
  set(at_ms: number | null): void {
    if (this.#timer?.at_ms === at_ms) return;
    this.#timer?.callOff();
    this.#timer = null;
    if (at_ms === null) return;
    const callOff = this.#clock.timer(Math.max(0, at_ms - this.#clock.nowMs()), () => {
      this.#timer = null;
      this.#onWake();
    });
    this.#timer = { at_ms, callOff };
  }
}
