import { type CodeInfo, errorMaker, type HotplaneError } from '../base/errors.ts';

export const BENCH_CODES = {
  HP_BENCH_OPTION: {
    category: 'usage',
    meaning: 'An option of a bench makes no sense.',
    next: 'see the --help of the command.',
  },
  HP_BENCH_EXISTS: {
    category: 'conflict',
    meaning: 'The folder holds a bench run already; runs are never mixed.',
    next: 'choose another folder with --out, or remove that one.',
  },
  HP_BENCH_UNWRITABLE: {
    category: 'failure',
    meaning: 'A file of the bench cannot be written.',
    next: 'check the free space and the permissions of the folder given with --out.',
  },
  HP_BENCH_TOOL: {
    category: 'unavailable',
    meaning: 'A C program of the bench did not build or run.',
    next: 'check that gcc is installed and that the host has enough free memory.',
  },
  HP_BENCH_BLOCK: {
    category: 'failure',
    meaning:
      'The guest did something that makes the figures of a block worthless; the others go on.',
    next: 'read the console of its VM in the result folder.',
  },
  HP_BENCH_EMPTY: {
    category: 'failure',
    meaning: 'No block could be measured.',
    next: "try one small run: 'hotplane bench reclaim --short'.",
  },
  HP_BENCH_START: {
    category: 'failure',
    meaning: 'A cold start under measurement was refused or failed.',
    next: 'check that the host has enough free memory, and try with fewer --starts.',
  },
  HP_BENCH_CALL: {
    category: 'failure',
    meaning: 'A call under measurement failed, or came back as something else.',
    next: 'run it again on a host that does less; if it stays, report it.',
  },
  HP_BENCH_AGENT: {
    category: 'failure',
    meaning: 'The agent could not be measured.',
    next: 'run it again; if it stays, report it.',
  },
  HP_BENCH_CORE: {
    category: 'failure',
    meaning: 'A core under measurement did not do the workload.',
    next: 'run its tests: ava test/agent/core/*.test.ts',
  },
  HP_BENCH_INTERRUPTED: {
    category: 'interrupted',
    meaning: 'The bench was interrupted.',
    next: 'run it again; what was measured so far is not kept.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const benchError = errorMaker<keyof typeof BENCH_CODES>(BENCH_CODES);

/** An option of the bench that makes no sense; `problem` comes without a full stop. */
export function badOption(
  option: string,
  problem: string,
  command = 'bench reclaim',
): HotplaneError {
  return benchError('HP_BENCH_OPTION', `--${option}: ${problem}.`, {
    next: `see 'hotplane ${command} --help'.`,
    details: { option },
  });
}

/** The folder already holds a run; runs are never overwritten or mixed. */
export function folderTaken(folder: string): HotplaneError {
  return benchError('HP_BENCH_EXISTS', `${folder} already holds a bench run.`, {
    details: { folder },
  });
}

export function folderUnwritable(path: string, cause: unknown): HotplaneError {
  return benchError('HP_BENCH_UNWRITABLE', `${path} cannot be written.`, {
    cause,
    details: { path },
  });
}

/** A C program of the bench did not build or did not run. */
export function toolFailed(what: string, said: string, cause?: unknown): HotplaneError {
  return benchError('HP_BENCH_TOOL', `${what} failed: ${said}`, { cause });
}

/** The guest did something that makes the block's figures worthless. */
export function blockBroken(block: string, problem: string, cause?: unknown): HotplaneError {
  return benchError('HP_BENCH_BLOCK', `block ${block}: ${problem}`, {
    next: `its VM's console is console-${block}.log in the result folder; other blocks go on.`,
    cause,
    details: { block },
  });
}

/** Every block failed, so there is nothing to report. */
export function nothingMeasured(first: string): HotplaneError {
  return benchError(
    'HP_BENCH_EMPTY',
    `no block of the plan could be measured; the first said: ${first}`,
  );
}

/** A signal ended the run; what it had measured is in the folder. */
export function benchInterrupted(folder: string): HotplaneError {
  return benchError('HP_BENCH_INTERRUPTED', 'the bench was interrupted.', {
    next: `what was measured so far is in ${folder}.`,
  });
}

/** A cold start under measurement was refused or failed: its burst says nothing. */
export function burstFailed(problem: string): HotplaneError {
  return benchError('HP_BENCH_START', `a cold start did not succeed: ${problem}`);
}

/** A call of an echo, or a round trip of a channel, did not come back as it was sent. */
export function callFailed(problem: string): HotplaneError {
  return benchError('HP_BENCH_CALL', `${problem}.`);
}

/** A signal ended a bench that keeps no results. */
export function startsInterrupted(): HotplaneError {
  return benchError('HP_BENCH_INTERRUPTED', 'the bench was interrupted; its VMs are gone.', {
    next: 'run it again, with fewer --rounds to be done sooner.',
  });
}

/** A signal ended a check of a kernel; what was built is kept. */
export function checkInterrupted(cause: unknown): HotplaneError {
  return benchError('HP_BENCH_INTERRUPTED', 'the check was interrupted; its VMs are gone.', {
    next: 'run the same command again: builds go on where they stopped.',
    cause,
  });
}
