/** Error codes about the network of functions: a part of the table of the agent. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const NETWORK_CODES = {
  HP_AGENT_NO_NETWORK: {
    category: 'unavailable',
    meaning: 'The function cannot have the network it asks for; the message says what is missing.',
    next: 'give the agent what it lacks (docs/network.md), or deploy the function without network.',
  },
  HP_AGENT_NO_ADDRESS: {
    category: 'unavailable',
    meaning: 'The pool of a bridge has no room for the addresses of one more VM.',
    next: 'remove a function on that bridge, or configure a larger pool.',
  },
} as const satisfies Record<string, CodeInfo>;
