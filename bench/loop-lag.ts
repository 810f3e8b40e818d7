/** How late timers of a process fire: what it is kept from its CPU by itself, and by others. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at; its own lateness is what is beyond. */
const LOOK_MS = 10;
const LOOKS_FOR_P99 = 100;
const NS_PER_MS = 1e6;

/** Of all looks since the last reset; p99 is null below 100 of them. */
export interface Lag {
  readonly n: number;
  readonly p50: number;
  readonly p99: number | null;
  readonly max: number;
}

export class LoopLag {
  readonly #delay = monitorEventLoopDelay({ resolution: LOOK_MS });

  constructor() {
    this.#delay.enable();
  }

  read(): Lag {
    const { count: n, max } = this.#delay;
    if (n === 0) return { n, p50: 0, p99: null, max: 0 };
    const p99 = n < LOOKS_FOR_P99 ? null : late(this.#delay.percentile(99));
    return { n, p50: late(this.#delay.percentile(50)), p99, max: late(max) };
  }

  reset(): void {
    this.#delay.reset();
  }

  close(): void {
    this.#delay.disable();
  }
}

const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - LOOK_MS);
