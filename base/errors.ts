/**
 * One error type for the whole project. A folder has one table of its codes and makes its errors
 * from it, with {@link errorMaker}; docs/errors.md is written from the tables. Users match on
 * `code`, never on the text.
 */

/** What kind of trouble it is; decides the exit code of the command that meets it. */
export type ErrorCategory =
  | 'failure'
  | 'usage'
  | 'unavailable'
  | 'timeout'
  | 'partial'
  | 'conflict'
  | 'interrupted';

/** Exit codes of every command, also printed by `hotplane --help`. */
export const EXIT_CODES: Readonly<Record<ErrorCategory | 'ok', number>> = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 3,
  timeout: 4,
  partial: 4,
  conflict: 5,
  interrupted: 130,
};

export interface HotplaneErrorOptions {
  /** Stable identifier, `HP_<AREA>_<WHAT>`. */
  readonly code: string;
  readonly category: ErrorCategory;
  /** What happened, one sentence, with the values that matter. */
  readonly message: string;
  /** What the reader can do next, one sentence. */
  readonly next: string;
  readonly cause?: unknown;
  /** Machine-readable values behind the message (sizes in bytes, times in ms). */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class HotplaneError extends Error {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(options: HotplaneErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HotplaneError';
    this.code = options.code;
    this.category = options.category;
    this.next = options.next;
    this.details = options.details ?? {};
  }

  get exit_code(): number {
    return EXIT_CODES[this.category];
  }
}

/** One code of a folder's table: its category, and the usual next step of its reader. */
export interface CodeInfo {
  readonly category: ErrorCategory;
  /** Other categories it is told with, where the same trouble has different causes. */
  readonly also?: readonly ErrorCategory[];
  /** What happened, in general; docs/errors.md is written from it. */
  readonly meaning: string;
  readonly next: string;
}

/** The codes of a folder; each code of the project is in one table. */
export type CodeTable = Readonly<Record<string, CodeInfo>>;

export interface CodedOptions {
  /** Instead of the usual one: one of `also`. */
  readonly category?: ErrorCategory;
  /** Overrides the usual next step of the code. */
  readonly next?: string;
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Turns a folder's table of codes into the function that makes its errors. */
export function errorMaker<Code extends string>(
  codes: Readonly<Record<Code, CodeInfo>>,
): (code: Code, message: string, options?: CodedOptions) => HotplaneError {
  return (code, message, options = {}) => {
    const { category, next } = codes[code];
    return new HotplaneError({ code, message, category, next, ...options });
  };
}

/** True for our own errors, also across two loaded copies of this module. */
export function isHotplaneError(value: unknown): value is HotplaneError {
  return (
    value instanceof Error &&
    value.name === 'HotplaneError' &&
    'code' in value &&
    typeof value.code === 'string'
  );
}

/** What happened and why, without the next step: for a text that becomes part of another. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${isHotplaneError(error) ? `${error.code}: ` : ''}${error.message}${causeOf(error)}`;
}

/** In brackets; empty where the message says it already, as that of an error of the system does. */
function causeOf(error: Error): string {
  if (!(error.cause instanceof Error)) return '';
  const is_told = isHotplaneError(error) && error.code.startsWith('HP_SYSTEM_');
  const { message } = error.cause;
  const is_quoted = error.message.includes(message.replace(/[.?!]+$/, ''));
  return is_told || is_quoted ? '' : ` (${message})`;
}

/** One line for people: what happened, why, and the next step. */
export function describeError(error: unknown): string {
  if (!isHotplaneError(error)) return error instanceof Error ? error.message : String(error);
  return `${error.code}: ${error.message}${causeOf(error)} Next: ${error.next}`;
}
