import { clearTimeout, setTimeout } from 'node:timers';
import { setImmediate as yieldOnce, setTimeout as delay } from 'node:timers/promises';

/** Time as an argument: the edge owns a real clock, tests own a fake one. */
export interface Clock {
  /**
   * Milliseconds of the host's monotonic clock (CLOCK_MONOTONIC), with fractions. The same in every
   * process of a host, so stamps taken by agent and replay can be compared.
   */
  nowMs(): number;
  /**
   * However long: months are slept too. Below 1 ms, the resolution of timers, the host's clock
   * yields once instead.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Runs `onTime` once, `ms` from now, however long; the function returned calls it off. For
   * deadlines: a sleep that is aborted costs an error with its stack each time.
   */
  timer(ms: number, onTime: () => void): () => void;
}

/**
 * The longest delay that timers of Node and deadlines of gRPC take: the whole seconds below 2^31
 * ms, 24.8 days. Above it both fire at once.
 */
export const LONGEST_TIMER_MS = 2_147_483_000;

/**
 * A deadline as a timer takes it: whole, not negative, and at most {@link LONGEST_TIMER_MS}. Only
 * for what bounds a call; what must not end early sleeps by a {@link Clock}.
 */
export function timerMs(deadline_ms: number): number {
  return Math.min(Math.max(0, Math.ceil(deadline_ms)), LONGEST_TIMER_MS);
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export const hostClock: Clock = {
  nowMs,
  sleep: async (ms, signal) => {
    const options = signal ? { signal } : {};
    if (!(ms >= 1)) await yieldOnce(undefined, options);
    const end_ms = nowMs() + ms;
    for (let left_ms = ms; left_ms >= 1; left_ms = end_ms - nowMs()) {
      await delay(Math.min(left_ms, LONGEST_TIMER_MS), undefined, options);
    }
  },
  timer: (ms, onTime) => {
    const end_ms = nowMs() + ms;
    const wait = (left_ms: number): NodeJS.Timeout =>
      setTimeout(look, Math.min(left_ms, LONGEST_TIMER_MS));
    const look = (): void => {
      const left_ms = end_ms - nowMs();
      if (left_ms >= 1) timer = wait(left_ms);
      else onTime();
    };
    let timer = wait(ms);
    return () => clearTimeout(timer);
  },
};
