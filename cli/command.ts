/** What a command is, and what it is given. One command a file, in cli/commands. */
import type { ProgressStream } from '../base/progress.ts';
import type { Values } from './values.ts';

export interface OptionSpec {
  /** Name of the value in the help, e.g. `SIZE`; absent: a flag without a value. */
  readonly value?: string;
  readonly summary: string;
  /** One letter that stands for its name: `f` for `-f`. */
  readonly short?: string;
  /** Shown in the help and used when the option is not given. */
  readonly default?: string;
  /** The default is only shown: the command finds out what was given, and fills in the rest. */
  readonly default_is_told?: boolean;
  readonly required?: boolean;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly choices?: readonly string[];
}

export interface CommandInput {
  readonly values: Values;
  readonly positionals: readonly string[];
  /** The whole command line after the program's name, for records. */
  readonly argv: readonly string[];
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  /** Aborts when the command is to end: see cli/process-end.ts for the reasons. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** One or two words: `status`, `images build`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /**
   * Names of the positional arguments in order; `NAME...` takes several, `[NAME]` may be absent.
   */
  readonly positionals?: readonly string[];
  /** All that the first of them may be, where these are a few known words. */
  readonly words?: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** What it does, exit codes of its own, and an example: whole lines, at most 100 columns. */
  readonly help: string;
  /**
   * A service: it goes on when the terminal hangs up, and lost output does not make it a failure.
   */
  readonly is_service?: true;
  /**
   * Returns the exit code, 0 when it returns nothing. Throws HotplaneError for anything that goes
   * wrong: its category decides the exit code. Heavy modules are imported in here.
   */
  run(input: CommandInput): Promise<number | void>;
}

export const JSON_OPTION: OptionSpec = { summary: 'print JSON for programs' };
