/** Error codes of updates of functions: a part of the table of the agent. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const UPDATE_CODES = {
  HP_AGENT_NO_UPDATE: {
    category: 'conflict',
    meaning: 'A function that is there cannot become what was asked for; the message says why.',
    next: 'remove it first, or leave that as it is.',
  },
  HP_AGENT_UPDATE_STUCK: {
    category: 'failure',
    meaning: 'VMs of the new definition did not come up; those of the earlier one serve on.',
    next: 'mend what the message tells and deploy it again, or deploy the earlier definition.',
  },
} as const satisfies Record<string, CodeInfo>;
