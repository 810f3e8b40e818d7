import { setTimeout as delay } from 'node:timers/promises';

/** Time as an argument: the edge owns a real clock, tests own a fake one. */
export interface Clock {
  /**
   * Milliseconds of the host's monotonic clock (CLOCK_MONOTONIC), with fractions. The same in every
   * process of a host, so stamps taken by agent and replay can be compared.
   */
  nowMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const hostClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
};
