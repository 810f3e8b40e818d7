/** Calls that may be asked again: of the next agent, when the one that was asked went away. */
import { hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';

/** What says nothing of the call, but that its agent is not there any more. */
const AGENT_GONE = new Set(['HP_AGENT_UNREACHABLE', 'HP_AGENT_LEAVES', 'HP_AGENT_RESTARTED']);

/**
 * Asks until an agent answers. An agent that was never there is told at once; one that answered
 * before, or went away while it was asked, is waited for as AGENT_LIMITS.agent_return_ms says.
 */
export async function whileAgentsCome<T extends { readonly failure?: unknown }>(
  ask: () => Promise<T>,
  signal: AbortSignal | undefined,
  clock = hostClock,
): Promise<T> {
  let end_ms: number | null = null;
  for (;;) {
    try {
      const answer = await ask();
      if (!isGone(answer.failure)) return answer;
      if (end_ms !== null && clock.nowMs() >= end_ms) return answer;
    } catch (error) {
      if (!isGone(error) || (end_ms === null && wasNeverThere(error))) throw error;
      if (end_ms !== null && clock.nowMs() >= end_ms) throw error;
    }
    end_ms ??= clock.nowMs() + AGENT_LIMITS.agent_return_ms;
    await clock.sleep(AGENT_LIMITS.agent_return_pause_ms, signal);
  }
}

function wasNeverThere(error: unknown): boolean {
  return isHotplaneError(error) && error.details['was_there'] === false;
}

function isGone(error: unknown): boolean {
  return isHotplaneError(error) && AGENT_GONE.has(error.code);
}
