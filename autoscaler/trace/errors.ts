import { type CodeInfo, errorMaker, type HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { errnoOf } from '../../base/system-error.ts';

export const TRACE_CODES = {
  HP_TRACE_MISSING: {
    category: 'usage',
    meaning: 'There is no such trace file.',
    next: 'name an Azure Functions 2021 trace with --trace; autoscaler/traces/ has a small one.',
  },
  HP_TRACE_UNREADABLE: {
    category: 'usage',
    meaning: 'The trace file cannot be read.',
    next: 'name an Azure Functions 2021 trace with --trace; autoscaler/traces/ has a small one.',
  },
  HP_TRACE_HEADER: {
    category: 'usage',
    meaning: 'The first line is not the header of its format.',
    next: 'give the file as it was published, with its header line and comma separators.',
  },
  HP_TRACE_ROW: {
    category: 'usage',
    meaning: 'A row has not the fields of its format.',
    next: 'correct or remove that line; rows are never dropped silently.',
  },
  HP_TRACE_FIELD: {
    category: 'usage',
    meaning: 'A field is not what its column says.',
    next: 'correct or remove that line; rows are never dropped silently.',
  },
  HP_TRACE_EMPTY: {
    category: 'usage',
    meaning: 'The file has a header and no rows.',
    next: 'give a trace with at least one invocation.',
  },
  HP_TRACE_TOO_LONG: {
    category: 'usage',
    meaning: 'The file has more rows than a replay holds.',
    next: 'cut the file to the part that is to be replayed.',
  },
  HP_TRACE_PARTS: {
    category: 'usage',
    meaning: 'The files that were named are no trace together.',
    next: 'name all files of one trace: of 2019 the invocations, and what else there is of it.',
  },
  HP_TRACE_SAMPLE: {
    category: 'usage',
    meaning: 'A file of a memory series is not what its format says.',
    next: 'give a resources.json of AgentCgroup, unchanged.',
  },
  HP_TRACE_CHOICE: {
    category: 'usage',
    meaning: 'No function of the trace is what --only, --trigger and --percentile ask for.',
    next: 'see `hotplane trace inspect --json` for the functions of the trace.',
  },
  HP_TRACE_TOO_FEW_FUNCTIONS: {
    category: 'usage',
    meaning: 'More functions are asked for than the trace has.',
    next: 'give --functions a smaller number.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
const traceError = errorMaker<keyof typeof TRACE_CODES>(TRACE_CODES);

/** The file itself cannot be read (missing, a folder, no permission). */
export function traceUnreadable(path: string, cause: unknown): HotplaneError {
  const missing = errnoOf(cause) === 'ENOENT';
  return traceError(
    missing ? 'HP_TRACE_MISSING' : 'HP_TRACE_UNREADABLE',
    missing ? `there is no trace file ${path}.` : `the trace file ${path} cannot be read.`,
    { cause, details: { path } },
  );
}

/** The first line is not the header of its format. */
export function traceHeader(path: string, expected: string, found: string): HotplaneError {
  return traceError(
    'HP_TRACE_HEADER',
    `${path} line 1: expected the header "${expected}", found "${shorten(found)}".`,
    { details: { path, line: 1, expected, found: shorten(found) } },
  );
}

/** It holds a trace at best: as text it can be read. */
export function tracePacked(
  path: string,
  { name, command }: { readonly name: string; readonly command: string },
): HotplaneError {
  const next = `give its text: <(${command}), or a file made so.`;
  return traceError('HP_TRACE_HEADER', `${path} line 1: the file is ${name}, no text in UTF-8.`, {
    next,
    details: { path, line: 1, found: name },
  });
}

export interface BadField {
  readonly path: string;
  readonly line: number;
  /** Name of the column, or `row` when the row as a whole is malformed. */
  readonly column: string;
  readonly value: string;
  /** Why the value is not accepted, as the end of a sentence. */
  readonly problem: string;
}

/** A row that has not the fields of its format, or a field that is not what its column says. */
export function traceRow(bad: BadField): HotplaneError {
  const value = shorten(bad.value);
  return traceError(
    bad.column === 'row' ? 'HP_TRACE_ROW' : 'HP_TRACE_FIELD',
    `${bad.path} line ${bad.line}, ${bad.column}: "${value}" ${bad.problem}.`,
    { details: { path: bad.path, line: bad.line, column: bad.column, value } },
  );
}

/** A file that has its header and nothing else. */
export function traceEmpty(path: string): HotplaneError {
  return traceError('HP_TRACE_EMPTY', `${path} has a header but no rows.`, { details: { path } });
}

/** More rows than can be held in memory. `rows`: how many, where that is known. */
export function traceTooLong(path: string, limit_rows: number, rows?: number): HotplaneError {
  if (rows !== undefined) {
    const message = `${path} has ${rows} invocations, more than the ${limit_rows} that are held.`;
    const next = 'choose fewer functions with --functions, or take a sample with trace sample.';
    return traceError('HP_TRACE_TOO_LONG', message, { next, details: { path, limit_rows, rows } });
  }
  return traceError('HP_TRACE_TOO_LONG', `${path} has more than ${limit_rows} rows.`, {
    details: { path, limit_rows },
  });
}

/** A trace that is made would have more calls than one may have. */
export function tooManyMade(limit_calls: number): HotplaneError {
  const message = `the trace that is asked for would have more than ${limit_calls} calls.`;
  const next = 'ask for fewer DAGs, fewer hours, or fewer calls a day.';
  return traceError('HP_TRACE_TOO_LONG', message, { next, details: { limit_calls } });
}

/** Files that are no trace together. `problem` is the sentence after the path. */
export function traceParts(path: string, problem: string, next: string): HotplaneError {
  return traceError('HP_TRACE_PARTS', `${path}: ${problem}.`, { next, details: { path } });
}

/** `--functions` asks for more functions than the trace has. */
/** Functions that were asked for are not there. */
export function traceChoice(problem: string): HotplaneError {
  return traceError('HP_TRACE_CHOICE', `of the functions of the trace: ${printable(problem)}.`);
}

export function traceTooFewFunctions(
  asked: number,
  found: number,
  grouping: 'function' | 'app' = 'function',
): HotplaneError {
  const what = grouping === 'app' ? 'applications' : 'functions';
  return traceError(
    'HP_TRACE_TOO_FEW_FUNCTIONS',
    `${asked} ${what} were asked for, the trace has ${found}.`,
    { next: `give --functions a number from 1 to ${found}.`, details: { asked, found } },
  );
}

const SERIES_NEXT = 'name a file of memory series or percentiles; see `--help` for the formats.';

/** A file of memory series or percentiles cannot be read. */
export function seriesUnreadable(path: string, cause: unknown): HotplaneError {
  const missing = errnoOf(cause) === 'ENOENT';
  return traceError(
    missing ? 'HP_TRACE_MISSING' : 'HP_TRACE_UNREADABLE',
    missing ? `there is no file ${path}.` : `the file ${path} cannot be read.`,
    { next: SERIES_NEXT, cause, details: { path } },
  );
}

/** A field of a memory series is not what its format says; `problem` ends the sentence. */
export function badSample(
  path: string,
  field: string,
  problem: string,
  cause?: unknown,
): HotplaneError {
  const message = `${path}: ${field} ${problem}.`;
  return traceError('HP_TRACE_SAMPLE', message, { cause, details: { path, field } });
}

/** More bytes than one memory series has. */
export function seriesTooLarge(path: string, limit_bytes: number): HotplaneError {
  return traceError('HP_TRACE_TOO_LONG', `${path} has more than ${limit_bytes} bytes.`, {
    next: SERIES_NEXT,
    details: { path, limit_bytes },
  });
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
