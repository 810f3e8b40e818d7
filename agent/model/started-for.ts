/** What an instance was started for, as it is told to people. Pure. */

/**
 * `call`: one that found no idle instance. `foreseen`: one that a DAG will make. `bounds`: so many
 * are kept, by definition or targets. `pool`: calls to come want it ready. `policy`: none of these.
 */
export const START_REASONS = ['call', 'foreseen', 'bounds', 'pool', 'policy'] as const;

export interface StartedFor {
  readonly what: (typeof START_REASONS)[number];
  /** With its numbers; for people. */
  readonly because: string;
}
