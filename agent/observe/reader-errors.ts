/** Why a reader of what the agent tells is turned away, or dropped. */
import type { HotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { agentError } from '../model/errors.ts';

/** Why a reader is dropped who has so many unread. */
export function slowReader(behind: number, what: string): HotplaneError {
  return agentError(
    'HP_AGENT_SLOW_READER',
    `the watcher fell ${behind} ${what} behind and was dropped.`,
  );
}

/** Why a reader is dropped who has taken nothing for too long. */
export function stuckReader(): HotplaneError {
  const seconds = AGENT_LIMITS.live_send_ms / 1_000;
  return agentError('HP_AGENT_SLOW_READER', `the reader took nothing for ${seconds} s.`);
}

/** Why one more may not watch. */
export function tooManyWatchers(): HotplaneError {
  return agentError(
    'HP_AGENT_TOO_MANY_WATCHERS',
    `${AGENT_LIMITS.watchers} watchers are connected already.`,
  );
}
