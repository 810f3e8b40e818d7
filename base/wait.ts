import type { Clock } from './clock.ts';

export interface WaitOptions {
  readonly clock: Clock;
  readonly deadline_ms: number;
  readonly first_pause_ms?: number;
  readonly longest_pause_ms?: number;
  readonly signal?: AbortSignal;
}

/**
 * Polls `probe` until it returns something other than null, or the deadline (a duration from now)
 * has passed. Pauses double from `first_pause_ms` to `longest_pause_ms`. Returns null at the
 * deadline; the last probe is always made after it, so a slow host is not taken for a failure.
 */
export async function waitFor<T>(
  probe: () => Promise<T | null> | T | null,
  options: WaitOptions,
): Promise<T | null> {
  const { clock, deadline_ms, signal } = options;
  const longest_ms = options.longest_pause_ms ?? 50;
  const end_ms = clock.nowMs() + deadline_ms;
  let pause_ms = options.first_pause_ms ?? 1;
  for (;;) {
    const late = clock.nowMs() >= end_ms;
    const found = await probe();
    if (found !== null) return found;
    if (late) return null;
    await clock.sleep(Math.min(pause_ms, Math.max(0, end_ms - clock.nowMs())), signal);
    pause_ms = Math.min(pause_ms * 2, longest_ms);
  }
}
