/** Error codes about memory on nodes of the host: a part of the table of the agent. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const TIER_CODES = {
  HP_AGENT_NO_HOST_NODE: {
    category: 'unavailable',
    meaning: 'The function is to have memory of a host node that the agent has no limit for.',
    next: 'give the agent a limit for that node (node_limits), or deploy with another, or none.',
  },
} as const satisfies Record<string, CodeInfo>;
