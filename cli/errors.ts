/** What people type wrong, all of it usage (exit code 2), and output that did not arrive. */
import { type CodeInfo, errorMaker, type HotplaneError } from '../base/errors.ts';

export const CLI_CODES = {
  HP_CLI_UNKNOWN_COMMAND: {
    category: 'usage',
    meaning: 'There is no such command.',
    next: "see 'hotplane --help'.",
  },
  HP_CLI_NO_COMMAND: {
    category: 'usage',
    meaning: 'A group of commands was named, and none of it.',
    next: "name one of them; 'hotplane --help' lists all.",
  },
  HP_CLI_UNKNOWN_OPTION: {
    category: 'usage',
    meaning: 'The command has no such option.',
    next: 'see the --help of the command.',
  },
  HP_CLI_BAD_ARGUMENTS: {
    category: 'usage',
    meaning: 'Arguments are missing, too many, or given twice.',
    next: 'see the --help of the command.',
  },
  HP_CLI_BAD_VALUE: {
    category: 'usage',
    meaning: 'The value of an option is not of its kind.',
    next: 'give what the message asks for.',
  },
  HP_CLI_POLICY_FILE: {
    category: 'usage',
    meaning: 'The file of a policy cannot be used.',
    next: 'mend the file; what a policy answers stands in agent/core/policy.ts.',
  },
  HP_CLI_SHARE_TABLE: {
    category: 'usage',
    meaning: 'The table that shares of near memory are to be chosen from cannot be used.',
    next: 'name a file as docs/tiers.md has it, and with several kinds of call which one.',
  },
  HP_CLI_BAD_VARIABLE: {
    category: 'usage',
    meaning: 'The value of an environment variable is not of its kind.',
    next: 'give what the message asks for, or unset it.',
  },
  HP_CLI_NO_CONFIG: {
    category: 'usage',
    meaning: 'No configuration file was named, and the usual one is not there.',
    next: 'name a file.',
  },
  HP_CLI_FILE_THERE: {
    category: 'conflict',
    meaning: 'A file that would be written is there already.',
    next: 'name another folder, or move the file away.',
  },
  HP_CLI_TOO_MANY_RUNS: {
    category: 'conflict',
    meaning: 'No free name is left for a result folder.',
    next: 'remove old runs, or name a folder with --out.',
  },
  HP_CLI_OUTPUT_LOST: {
    category: 'failure',
    meaning: 'What was printed did not arrive; the command itself went well.',
    next: 'give standard output a place that takes it, and run the command again.',
  },
  HP_CLI_NO_NODE: {
    category: 'unavailable',
    meaning: 'No Node that runs hotplane is there.',
    next: 'install Node 24, or run npm install again with optional dependencies.',
  },
  HP_BUG: {
    category: 'failure',
    meaning: 'An error that nobody foresaw.',
    next: 'this is a bug of hotplane; report it with what HOTPLANE_DEBUG=1 shows.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const cliError = errorMaker<keyof typeof CLI_CODES>(CLI_CODES);

export function badValue(name: string, text: string, wanted: string): HotplaneError {
  return cliError('HP_CLI_BAD_VALUE', `--${name} is '${text}'.`, { next: `give ${wanted}.` });
}

export function badPolicyFile(path: string, problem: string): HotplaneError {
  return cliError('HP_CLI_POLICY_FILE', `${path}: ${problem}.`);
}

/** `problem` goes on after "the table". */
export function badShareTable(problem: string): HotplaneError {
  return cliError('HP_CLI_SHARE_TABLE', `the table ${problem}.`);
}

export function badPositional(name: string, text: string, wanted: string): HotplaneError {
  return cliError('HP_CLI_BAD_VALUE', `${name} is '${text}'.`, { next: `give ${wanted}.` });
}

export function badVariable(name: string, text: string, wanted: string): HotplaneError {
  return cliError('HP_CLI_BAD_VARIABLE', `the variable ${name} is '${text}'.`, {
    next: `give ${wanted}, or unset it.`,
  });
}

export function noConfigFile(usual: string): HotplaneError {
  return cliError('HP_CLI_NO_CONFIG', `no file was named, and there is no ${usual}.`);
}

export function unknownCommand(words: string, near: string | null): HotplaneError {
  const next = near ? `did you mean '${near}'? ` : '';
  return cliError('HP_CLI_UNKNOWN_COMMAND', `there is no command '${words}'.`, {
    next: `${next}See 'hotplane --help'.`,
  });
}

/** `bench` alone: the first word of several commands. */
export function groupAlone(group: string, members: readonly string[]): HotplaneError {
  return cliError(
    'HP_CLI_NO_COMMAND',
    `'${group}' is a group of commands: ${members.join(', ')}.`,
    { next: `name one of them; 'hotplane ${members[0]} --help' explains it.` },
  );
}

/** A word after --help or --version. */
export function tooMany(word: string): HotplaneError {
  const next = "see 'hotplane --help'.";
  return cliError('HP_CLI_BAD_ARGUMENTS', `'${word}' is one argument too many.`, { next });
}

export function unknownOption(command: string, name: string, near: string | null): HotplaneError {
  const next = near ? `did you mean '--${near}'? ` : '';
  return cliError('HP_CLI_UNKNOWN_OPTION', `'hotplane ${command}' has no option '${name}'.`, {
    next: `${next}See 'hotplane ${command} --help'.`,
  });
}

export function badArguments(command: string, message: string): HotplaneError {
  return cliError('HP_CLI_BAD_ARGUMENTS', message, { next: `see 'hotplane ${command} --help'.` });
}

/** What was printed did not arrive; the command itself went well. */
export function outputLost(cause: Error): HotplaneError {
  return cliError('HP_CLI_OUTPUT_LOST', 'not all of the output could be written.', { cause });
}
