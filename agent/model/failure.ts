/** Errors as the core's plain refusals, and back. */
import { HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { agentError } from './errors.ts';
import { systemError } from '../../base/system-error.ts';
import type { Refusal } from './refusals.ts';

export function refusalOf(error: unknown): Refusal {
  if (isHotplaneError(error)) {
    const { code, category, next, details } = error;
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
    return { code, category, message: `${error.message}${cause}`, next, details };
  }
  const system = systemError(error);
  if (system) {
    const { code, category, message, next, details } = system;
    return { code, category, message, next, details };
  }
  const told = agentError(
    'HP_AGENT_INTERNAL',
    error instanceof Error ? error.message : String(error),
  );
  const { code, category, message, next, details } = told;
  return { code, category, message, next, details };
}

export function errorOf(refusal: Refusal): HotplaneError {
  return new HotplaneError(refusal);
}

/** For a runner asked for a VM it does not know: a bug. */
export function unknownVm(vm_id: string): HotplaneError {
  return agentError('HP_AGENT_INTERNAL', `no VM ${vm_id} is running.`);
}

/** As many calls as may are open. */
export function tooManyRequests(): HotplaneError {
  return agentError('HP_AGENT_BUSY', `${AGENT_LIMITS.requests_open} requests are open already.`);
}
