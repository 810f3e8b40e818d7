/** Fixed keep-alive: an instance ends when it has been idle for a time that never changes. */
import { assert } from '../../base/assert.ts';
import type { Decision, Observation, Policy } from './policy.ts';

/** Keep-alive of the HotMem (Squeezy) evaluation: two minutes (arXiv 2411.12893v2). */
export const PAPER_KEEP_ALIVE_S = 120;

/** Functions whose keep-alive has been told already. */
export interface FixedKeepAliveState {
  readonly told: ReadonlySet<string>;
}

/** `keep_alive_ms` is in the time of the run, that is, compressed already. */
export function fixedKeepAlive(keep_alive_ms: number): Policy<FixedKeepAliveState> {
  assert(Number.isFinite(keep_alive_ms) && keep_alive_ms >= 0, 'keep-alive is a finite time');
  const initial_state: FixedKeepAliveState = { told: new Set() };

  function decide(
    state: FixedKeepAliveState,
    observation: Observation,
    _now_ms: number,
  ): Decision<FixedKeepAliveState> {
    if (observation.kind !== 'function_planned') return { state, actions: [] };
    const name = observation.function;
    if (state.told.has(name)) return { state, actions: [] };
    return {
      state: { told: new Set([...state.told, name]) },
      actions: [{ kind: 'set_keep_alive', function: name, keep_alive_ms }],
    };
  }

  return { name: 'fixed-keep-alive', initial_state, decide };
}
