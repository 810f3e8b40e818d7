import { setImmediate as yieldOnce, setTimeout as delay } from 'node:timers/promises';

/** Time as an argument: the edge owns a real clock, tests own a fake one. */
export interface Clock {
  /**
   * Milliseconds of the host's monotonic clock (CLOCK_MONOTONIC), with fractions. The same in every
   * process of a host, so stamps taken by agent and replay can be compared.
   */
  nowMs(): number;
  /** Below 1 ms, the resolution of timers, the host's clock yields once instead. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const hostClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: async (ms, signal) => {
    const options = signal ? { signal } : {};
    await (ms < 1 ? yieldOnce(undefined, options) : delay(ms, undefined, options));
  },
};
