/** Error codes about memory on nodes of the host: a part of the table of the agent. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const TIER_CODES = {
  HP_AGENT_NO_HOST_NODE: {
    category: 'unavailable',
    meaning: 'The function is to have memory of a host node that the agent has no limit for.',
    next: 'give the agent a limit for that node (node_limits), or deploy with another, or none.',
  },
  HP_AGENT_NO_TIERS: {
    category: 'usage',
    meaning: 'The function is to have its memory on two nodes, and cannot be as it is defined.',
    next: 'deploy it as the message says, or without tiers.',
  },
} as const satisfies Record<string, CodeInfo>;
