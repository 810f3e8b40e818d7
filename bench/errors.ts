import { HotplaneError } from '../base/errors.ts';

/** An option of the bench that makes no sense; `problem` comes without a full stop. */
export function badOption(
  option: string,
  problem: string,
  command = 'bench reclaim',
): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_OPTION',
    category: 'usage',
    message: `--${option}: ${problem}.`,
    next: `see 'hotplane ${command} --help'.`,
    details: { option },
  });
}

/** The folder already holds a run; runs are never overwritten or mixed. */
export function folderTaken(folder: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_EXISTS',
    category: 'conflict',
    message: `${folder} already holds a bench run.`,
    next: 'choose another folder with --out, or remove that one.',
    details: { folder },
  });
}

export function folderUnwritable(path: string, cause: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_UNWRITABLE',
    category: 'failure',
    message: `${path} cannot be written.`,
    next: 'check the free space and the permissions of the folder given with --out.',
    cause,
    details: { path },
  });
}

/** A C program of the bench did not build or did not run. */
export function toolFailed(what: string, said: string, cause?: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_TOOL',
    category: 'unavailable',
    message: `${what} failed: ${said}`,
    next: 'check that gcc is installed and that the host has enough free memory.',
    cause,
  });
}

/** The guest did something that makes the block's figures worthless. */
export function blockBroken(block: string, problem: string, cause?: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_BLOCK',
    category: 'failure',
    message: `block ${block}: ${problem}`,
    next: `its VM's console is console-${block}.log in the result folder; other blocks go on.`,
    cause,
    details: { block },
  });
}

/** Every block failed, so there is nothing to report. */
export function nothingMeasured(first: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_EMPTY',
    category: 'failure',
    message: `no block of the plan could be measured; the first said: ${first}`,
    next: "run 'hotplane doctor', then one small block: 'hotplane bench reclaim --short'.",
  });
}

/** A signal ended the run; what it had measured is in the folder. */
export function benchInterrupted(folder: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_INTERRUPTED',
    category: 'interrupted',
    message: 'the bench was interrupted.',
    next: `what was measured so far is in ${folder}.`,
  });
}

/** A cold start under measurement was refused or failed: its burst says nothing. */
export function burstFailed(problem: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_START',
    category: 'failure',
    message: `a cold start did not succeed: ${problem}`,
    next: 'check that the host has enough free memory, and try with fewer --starts.',
  });
}

/** A signal ended a bench that keeps no results. */
export function startsInterrupted(): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_INTERRUPTED',
    category: 'interrupted',
    message: 'the bench was interrupted; its VMs are gone.',
    next: 'run it again, with fewer --rounds to be done sooner.',
  });
}
