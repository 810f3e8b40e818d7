/**
 * The one end of an agent that found itself wrong. What it believes of its host can no longer be
 * trusted, so nothing more is decided: told once to the log, to every caller and to the owner, who
 * ends the process in order.
 */
import { AssertionError } from 'node:assert';
import type { Logger } from 'pino';
import { type HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { agentError } from '../model/errors.ts';

export class FailStop {
  readonly #log: Logger;
  readonly #told = Promise.withResolvers<HotplaneError>();
  #error: HotplaneError | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Why the agent stopped deciding; null while it is well. */
  get error(): HotplaneError | null {
    return this.#error;
  }

  /** Resolves, with HP_AGENT_FATAL, when the agent is to be ended. Never rejects. */
  get told(): Promise<HotplaneError> {
    return this.#told.promise;
  }

  /**
   * Ends all deciding; only the first call counts, and true is returned for it. `during`: the event
   * or action that showed the fault. `dump`: the decision state, made only when it is needed.
   */
  trip(cause: unknown, during: unknown, dump: () => unknown): boolean {
    if (this.#error) return false;
    const error = fatal(cause);
    this.#error = error;
    const { code, message, next } = error;
    const stack = cause instanceof Error ? cause.stack : undefined;
    const state = dumped(dump);
    this.#log.fatal({ err: { code, message, next, stack }, during, state }, 'the agent ends');
    this.#told.resolve(error);
    return true;
  }
}

/** True for a failed assertion: a bug of ours wherever it was met, never the doing of a VM. */
export function isBug(error: unknown): boolean {
  return error instanceof AssertionError;
}

/** True when state or ledger could not be written: nothing of ours is wrong. */
export function isStateError(error: unknown): boolean {
  if (!isHotplaneError(error)) return false;
  return error.code.startsWith('HP_AGENT_STATE_') || error.code === 'HP_LEDGER_LOST';
}

/** A state that is wrong may not even be shown; that must not keep the end from being told. */
function dumped(dump: () => unknown): unknown {
  try {
    return dump();
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error) };
  }
}

function fatal(cause: unknown): HotplaneError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return agentError('HP_AGENT_FATAL', `the agent found a fault of its own and ends: ${why}`, {
    cause,
  });
}
