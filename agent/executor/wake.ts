/** One timer for the core's next wake. */
import type { Clock } from '../../base/clock.ts';

export class WakeTimer {
  private readonly clock: Clock;
  private readonly onWake: () => void;
  private timer: { readonly at_ms: number; readonly abort: AbortController } | null = null;

  constructor(clock: Clock, onWake: () => void) {
    this.clock = clock;
    this.onWake = onWake;
  }

  /** Replaces the time of the next wake; null: none. */
  set(at_ms: number | null): void {
    if (this.timer?.at_ms === at_ms) return;
    this.timer?.abort.abort();
    this.timer = null;
    if (at_ms === null) return;
    const timer = { at_ms, abort: new AbortController() };
    this.timer = timer;
    // Only the sleep may fail, by its abort: what the wake itself throws is never swallowed.
    this.clock.sleep(Math.max(0, at_ms - this.clock.nowMs()), timer.abort.signal).then(
      () => {
        if (this.timer !== timer) return;
        this.timer = null;
        this.onWake();
      },
      () => undefined,
    );
  }
}
