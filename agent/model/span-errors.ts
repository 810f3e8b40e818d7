/** What can be wrong with spans: a part of the agent's table of codes. */
import type { CodeInfo } from '../../base/errors.ts';

export const SPAN_CODES = {
  HP_AGENT_NO_SPANS: {
    category: 'usage',
    meaning: 'A function cannot have the spans that it says.',
    next: 'deploy it with mechanism hotmem, or without spans.',
  },
  HP_AGENT_SPAN_DENIED: {
    category: 'failure',
    meaning: 'An instance asked for a span, and it did not come.',
    next: 'ask for one of its function, not above its size, or give the host more memory.',
  },
} as const satisfies Record<string, CodeInfo>;
