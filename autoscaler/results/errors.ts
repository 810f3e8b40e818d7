import { HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { errnoOf } from '../../base/system-error.ts';

/** The folder already holds a run; runs are never overwritten or mixed. */
export function resultsExist(folder: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_EXIST',
    category: 'conflict',
    message: `${folder} already holds results.`,
    next: 'choose another folder with --out, or remove that one.',
    details: { folder },
  });
}

export function resultsUnwritable(path: string, cause: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_UNWRITABLE',
    category: 'failure',
    message: `the result file ${path} cannot be written.`,
    next: 'check the free space and the permissions of the folder given with --out.',
    cause,
    details: { path },
  });
}

/** Of --svg. The system's own message names the draft beside it, so it is not passed on. */
export function plotUnwritable(path: string, cause: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_UNWRITABLE',
    category: 'failure',
    message: `the plot ${path} cannot be written (${errnoOf(cause) ?? 'unknown error'}).`,
    next: 'check that the folder of the file given with --svg is there and can be written.',
    details: { path },
  });
}

export function resultsMissing(path: string, cause: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_MISSING',
    category: 'usage',
    message: `there is no readable result file ${path}.`,
    next: 'name a folder written by `hotplane replay --out`.',
    cause,
    details: { path },
  });
}

/** A signal while the files are read: nothing has been written yet. */
export function reportInterrupted(path: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_REPORT_INTERRUPTED',
    category: 'interrupted',
    message: `the report was interrupted at ${path}; nothing was written.`,
    next: 'run it again.',
    details: { path },
  });
}

/** A line or the manifest does not follow the documented format. */
export function resultsMalformed(path: string, line: number, problem: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_MALFORMED',
    category: 'failure',
    message: `${path} line ${line} is not in the documented format: ${printable(problem)}.`,
    next: 'see autoscaler/results/README.md for the format, and restore the file as written.',
    details: { path, line },
  });
}

export function resultsVersion(
  path: string,
  found: unknown,
  known: readonly number[],
): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_VERSION',
    category: 'usage',
    message: `${path} has schema_version ${printable(String(found), 40)}; this hotplane reads ${known.join(' and ')}.`,
    next: 'read the folder with the hotplane version that its manifest names.',
    details: { path, known },
  });
}

/** A line that the reader would not take back: told when it would be written. */
export function resultsUnreadable(path: string, field: string, problem: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_RESULTS_UNREADABLE',
    category: 'failure',
    message: `what the agent told does not fit into ${path}: ${field}: ${problem}.`,
    next: 'compare the versions of agent and replay.',
    details: { path, field },
  });
}
