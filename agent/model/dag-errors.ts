/** Error codes of DAGs: a part of the table of the agent. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const DAG_CODES = {
  HP_AGENT_DAG: {
    category: 'usage',
    meaning: 'A DAG cannot be as it is defined: its stages or its edges; the message says why.',
    next: 'correct the definition; docs/dags.md tells what it may be.',
  },
  HP_AGENT_NO_DAG: {
    category: 'failure',
    meaning: 'No DAG of that name is deployed.',
    next: "deploy it first, or see 'hotplane dags' for those that are there.",
  },
  HP_AGENT_DAG_STAGE: {
    category: 'failure',
    meaning:
      'A stage of a DAG failed, and so the call as a whole; category and next step are those of ' +
      'its cause, `details.cause`, and `details.stage` names it.',
    next: 'see what the message says of the stage.',
  },
  HP_AGENT_DAG_PAYLOAD: {
    category: 'failure',
    meaning: 'What stages of a DAG answered cannot be put together: no text, or too long.',
    next: 'let these stages answer JSON or text that is shorter.',
  },
  HP_AGENT_DAGS_BUSY: {
    category: 'unavailable',
    meaning: 'As many calls of DAGs go on as the agent can have at once.',
    next: 'call again when some of them are over.',
  },
  HP_AGENT_TOO_MANY_DAGS: {
    category: 'unavailable',
    meaning: 'The host has as many DAGs as it can have.',
    next: "remove one with 'hotplane remove --dag NAME'.",
  },
} as const satisfies Record<string, CodeInfo>;
