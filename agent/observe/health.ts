/**
 * Finds out that a guest does not answer any more, and that it does again: a guest nobody asks for
 * anything is pinged now and then.
 */
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';

export interface HealthOptions {
  readonly clock: Clock;
  /** Rejects with HP_GUEST_TIMEOUT when the guest does not answer in time. */
  readonly ping: () => Promise<void>;
  /** When the guest last answered anything; it is not pinged sooner after that than it must be. */
  readonly answeredAtMs: () => number;
  /** What else is done at each round while it answers; it throws faults of the agent alone. */
  readonly also?: () => Promise<void>;
  /** Called once for each change, never for what was known. */
  readonly onChange: (responsive: boolean) => void;
  readonly signal: AbortSignal;
}

/** Resolves when `signal` aborts or the channel is over; a guest counts as well at first. */
export async function watchHealth(options: HealthOptions): Promise<void> {
  const { clock, answeredAtMs, also, onChange, signal } = options;
  const pause = pauses(clock, signal);
  let responsive = true;
  for (;;) {
    const pause_ms = responsive ? AGENT_LIMITS.guest_ping_ms : AGENT_LIMITS.guest_ping_again_ms;
    await pause(pause_ms);
    if (signal.aborted) return;
    if (!responsive || clock.nowMs() - answeredAtMs() >= AGENT_LIMITS.guest_ping_ms) {
      const answered = await answers(options.ping);
      if (answered === null || signal.aborted) return;
      if (answered !== responsive) onChange(answered);
      responsive = answered;
    }
    if (responsive) await also?.();
  }
}

/**
 * One pause after the other, each over at the latest when `signal` aborts. It is listened to once:
 * a thousand guests wait in such a pause all the time, and what each holds is to be little.
 */
function pauses(clock: Clock, signal: AbortSignal): (ms: number) => Promise<void> {
  let end: (() => void) | null = null;
  signal.addEventListener('abort', () => end?.(), { once: true });
  return async (ms) => {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const callOff = clock.timer(ms, resolve);
    end = () => {
      callOff();
      resolve();
    };
    await promise;
  };
}

/** Null: there is nobody to be asked any more. */
async function answers(ping: () => Promise<void>): Promise<boolean | null> {
  try {
    await ping();
    return true;
  } catch (error) {
    if (!isHotplaneError(error)) throw error;
    if (error.code === 'HP_GUEST_TIMEOUT' || error.code === 'HP_GUEST_BUSY') return false;
    // Anything it said, a refusal too, is an answer.
    return error.code === 'HP_GUEST_REFUSED' ? true : null;
  }
}
