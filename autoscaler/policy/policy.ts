/**
 * What a policy is: a pure step. Time and observations are arguments, what is to be done is the
 * return value; no clock, no I/O, no randomness. So the same code decides live and in a recorded
 * replay.
 */

/** What the world told the policy. Times are milliseconds of the run. */
export type Observation =
  | { readonly kind: 'function_planned'; readonly function: string }
  | { readonly kind: 'invocation_arrived'; readonly function: string }
  | { readonly kind: 'invocation_finished'; readonly function: string };

/** What the policy wants done. */
export interface KeepAliveAction {
  readonly kind: 'set_keep_alive';
  readonly function: string;
  /** An instance idle longer than this is stopped and its region unplugged. */
  readonly keep_alive_ms: number;
}

export interface Decision<State> {
  readonly state: State;
  readonly actions: readonly KeepAliveAction[];
}

export interface Policy<State> {
  readonly name: string;
  readonly initial_state: State;
  decide(state: State, observation: Observation, now_ms: number): Decision<State>;
}
