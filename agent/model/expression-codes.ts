/** Error codes of memory expressions of deployed functions. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const EXPRESSION_OF_FUNCTION_CODES = {
  HP_AGENT_EXPRESSION_BEYOND: {
    category: 'usage',
    meaning: 'The memory expression of a function says more, at its worst, than its limit.',
    next: 'raise the limit, or declare a smaller range of the parameters.',
  },
  HP_AGENT_EXPRESSION_WRONG: {
    category: 'failure',
    meaning: 'What the memory expression of a function said was not what its calls took.',
    next: "see 'hotplane status': sizes are from history until it is right again; fit it anew.",
  },
} as const satisfies Record<string, CodeInfo>;
