/** What people type wrong, all of it usage (exit code 2), and output that did not arrive. */
import { HotplaneError } from '../base/errors.ts';

function usage(code: string, message: string, next: string): HotplaneError {
  return new HotplaneError({ code, category: 'usage', message, next });
}

export function badValue(name: string, text: string, wanted: string): HotplaneError {
  return usage('HP_CLI_BAD_VALUE', `--${name} is '${text}'.`, `give ${wanted}.`);
}

export function unknownCommand(words: string, near: string | null): HotplaneError {
  const next = near ? `did you mean '${near}'? ` : '';
  return usage(
    'HP_CLI_UNKNOWN_COMMAND',
    `there is no command '${words}'.`,
    `${next}See 'hotplane --help'.`,
  );
}

/** `bench` alone: the first word of several commands. */
export function groupAlone(group: string, members: readonly string[]): HotplaneError {
  return usage(
    'HP_CLI_NO_COMMAND',
    `'${group}' is a group of commands: ${members.join(', ')}.`,
    `name one of them; 'hotplane ${members[0]} --help' explains it.`,
  );
}

/** A word after --help or --version. */
export function tooMany(word: string): HotplaneError {
  const next = "see 'hotplane --help'.";
  return usage('HP_CLI_BAD_ARGUMENTS', `'${word}' is one argument too many.`, next);
}

export function unknownOption(command: string, name: string, near: string | null): HotplaneError {
  const next = near ? `did you mean '--${near}'? ` : '';
  return usage(
    'HP_CLI_UNKNOWN_OPTION',
    `'hotplane ${command}' has no option '${name}'.`,
    `${next}See 'hotplane ${command} --help'.`,
  );
}

export function badArguments(command: string, message: string): HotplaneError {
  return usage('HP_CLI_BAD_ARGUMENTS', message, `see 'hotplane ${command} --help'.`);
}

/** What was printed did not arrive; the command itself went well. */
export function outputLost(cause: Error): HotplaneError {
  return new HotplaneError({
    code: 'HP_CLI_OUTPUT_LOST',
    category: 'failure',
    message: 'not all of the output could be written.',
    next: 'give standard output a place that takes it, and run the command again.',
    cause,
  });
}
