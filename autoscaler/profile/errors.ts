/** Error codes of profile runs and of what is made of them. */
import { type CodeInfo, errorMaker, type HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';

export const PROFILE_CODES = {
  HP_PROFILE_WORKLOAD: {
    category: 'usage',
    meaning: 'A workload file is not as FaaSProfiler has them; the message names the key.',
    next: 'change that key; docs/profile.md tells what each takes.',
  },
  HP_PROFILE_FUNCTION: {
    category: 'usage',
    also: ['conflict'],
    meaning:
      'An application of the workload has no function, or one is to be deployed under a name that is taken (`conflict`).',
    next: 'deploy it, or name one with --function APPLICATION=FUNCTION.',
  },
  HP_PROFILE_AGENT: {
    category: 'failure',
    meaning: 'A call to the agent failed and ended the profile run; what was measured is kept.',
    next: 'read the log of the agent, then run it again with another --out.',
  },
  HP_PROFILE_INTERRUPTED: {
    category: 'interrupted',
    meaning: 'The profile run was interrupted; what was measured is kept and marked.',
    next: 'run it again with another --out, or read what is there with `hotplane profile report`.',
  },
  HP_PROFILE_NO_TABLE: {
    category: 'failure',
    meaning: 'Runs with several shares of near memory make no table; the message says of what.',
    next: 'give each instance of the workload several calls, so that some are warm, and run it again.',
  },
  HP_PROFILE_APART: {
    category: 'usage',
    meaning: 'Two archives have nothing that could be compared: no calls of one instance in both.',
    next: 'compare archives of workloads whose instances have the same names.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const profileError = errorMaker<keyof typeof PROFILE_CODES>(PROFILE_CODES);

/** `key`: where it is wrong, as `instances.instance1.rate`; empty: the file as a whole. */
export function badWorkload(path: string, key: string, problem: string): HotplaneError {
  const where = key === '' ? path : `${path}: ${printable(key)}`;
  return profileError('HP_PROFILE_WORKLOAD', `${where}: ${printable(problem)}.`, {
    details: { path, key },
  });
}
