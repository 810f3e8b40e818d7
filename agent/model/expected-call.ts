/**
 * Calls that a function will get, as whoever makes them foresees it: an instance is made ready for
 * them, as far as nobody else wants its memory. Not kept from agent to agent. Pure.
 */
export interface ExpectedCall {
  /** Of who foresees it, until the call comes or is given up. */
  readonly id: string;
  readonly at_ms: number;
  /** It is forgotten then. */
  readonly until_ms: number;
}

export const NONE_EXPECTED: readonly ExpectedCall[] = [];
