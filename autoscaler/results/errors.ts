import { type CodeInfo, errorMaker, type HotplaneError } from '../../base/errors.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { errnoOf } from '../../base/system-error.ts';

export const RESULTS_CODES = {
  HP_RESULTS_EXIST: {
    category: 'conflict',
    meaning: 'The folder holds results already; runs are never mixed.',
    next: 'choose another folder with --out, or remove that one.',
  },
  HP_RESULTS_UNWRITABLE: {
    category: 'failure',
    meaning: 'A result file or plot cannot be written.',
    next: 'check the free space and the permissions of the folder given with --out.',
  },
  HP_RESULTS_MISSING: {
    category: 'usage',
    meaning: 'There is no readable result file.',
    next: 'name a folder of `hotplane replay --out`; of a profile, one of `hotplane profile run --out`.',
  },
  HP_RESULTS_MALFORMED: {
    category: 'failure',
    meaning: 'A line does not follow the documented format.',
    next: 'see autoscaler/results/README.md for the format, and restore the file as written.',
  },
  HP_RESULTS_VERSION: {
    category: 'usage',
    meaning: 'The folder is of a schema version that is not read.',
    next: 'read the folder with the hotplane version that its manifest names.',
  },
  HP_RESULTS_UNREADABLE: {
    category: 'failure',
    meaning: 'What the agent told does not fit into the format.',
    next: 'compare the versions of agent and replay.',
  },
  HP_REPORT_INTERRUPTED: {
    category: 'interrupted',
    meaning: 'The report was interrupted; nothing was written.',
    next: 'run it again.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
const resultsError = errorMaker<keyof typeof RESULTS_CODES>(RESULTS_CODES);

/** Whether a result file could not be written. */
export function isUnwritable(error: unknown): boolean {
  return isHotplaneError(error) && error.code === 'HP_RESULTS_UNWRITABLE';
}

/** The folder already holds a run; runs are never overwritten or mixed. */
export function resultsExist(folder: string): HotplaneError {
  return resultsError('HP_RESULTS_EXIST', `${folder} already holds results.`, {
    details: { folder },
  });
}

export function resultsUnwritable(path: string, cause: unknown): HotplaneError {
  return resultsError('HP_RESULTS_UNWRITABLE', `the result file ${path} cannot be written.`, {
    cause,
    details: { path },
  });
}

/** Of --svg. The system's own message names the draft beside it, so it is not passed on. */
export function plotUnwritable(path: string, cause: unknown): HotplaneError {
  return resultsError(
    'HP_RESULTS_UNWRITABLE',
    `the plot ${path} cannot be written (${errnoOf(cause) ?? 'unknown error'}).`,
    {
      next: 'check that the folder of the file given with --svg is there and can be written.',
      details: { path },
    },
  );
}

export function resultsMissing(path: string, cause: unknown): HotplaneError {
  const why = errnoOf(cause) ?? 'unknown error';
  return resultsError('HP_RESULTS_MISSING', `there is no readable result file ${path} (${why}).`, {
    cause,
    details: { path },
  });
}

/** A signal while the files are read: nothing has been written yet. */
export function reportInterrupted(path: string): HotplaneError {
  return resultsError(
    'HP_REPORT_INTERRUPTED',
    `the report was interrupted at ${path}; nothing was written.`,
    { details: { path } },
  );
}

/** A line or the manifest does not follow the documented format. */
export function resultsMalformed(path: string, line: number, problem: string): HotplaneError {
  return resultsError(
    'HP_RESULTS_MALFORMED',
    `${path} line ${line} is not in the documented format: ${printable(problem)}.`,
    { details: { path, line } },
  );
}

export function resultsVersion(
  path: string,
  found: unknown,
  known: readonly number[],
): HotplaneError {
  const version = printable(String(found), 40);
  return resultsError(
    'HP_RESULTS_VERSION',
    `${path} has schema_version ${version}; this hotplane reads ${known.join(' and ')}.`,
    { details: { path, known } },
  );
}

/** A line that the reader would not take back: told when it would be written. */
export function resultsUnreadable(path: string, field: string, problem: string): HotplaneError {
  return resultsError(
    'HP_RESULTS_UNREADABLE',
    `what the agent told does not fit into ${path}: ${field}: ${problem}.`,
    { details: { path, field } },
  );
}
