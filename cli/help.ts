/** Help texts: the list of commands, and one page for each. */
import { boundsOf } from '../base/number-list.ts';
import { EXIT_CODES } from '../base/errors.ts';
import type { Command, OptionSpec } from './command.ts';

const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT_CODES.ok, 'done'],
  [EXIT_CODES.failure, 'it failed, and the message says why'],
  [EXIT_CODES.usage, 'the command line or an input file is wrong'],
  [EXIT_CODES.unavailable, 'something it needs is not there or has no room (agent, VMM, memory)'],
  [EXIT_CODES.timeout, 'a deadline passed, or only a part was done'],
  [EXIT_CODES.conflict, 'it contradicts what is there (other spec, socket in use)'],
  [EXIT_CODES.interrupted, 'interrupted by a signal'],
];

/** Rows of two columns, the second ones below each other. Pure. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = boundsOf(rows.map(([left]) => left.length)).high + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('');
}

export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  const exits = EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning] as const);
  return (
    'hotplane: memory hot(un)plug for microVMs that host many function instances\n\n' +
    'Usage: hotplane COMMAND [OPTIONS]\n\n' +
    `Commands:\n${columns(rows)}\n` +
    "'hotplane COMMAND --help' explains a command. 'hotplane --version' prints the version.\n\n" +
    `Exit codes:\n${columns(exits)}\n` +
    'HOTPLANE_DEBUG=1 adds stack traces to errors.\n'
  );
}

/** The commands whose names begin with a word. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  const rows = members.map(({ name, summary }) => [name, summary] as const);
  return (
    `hotplane ${group}: ${members.length} commands\n\n` +
    `Usage: hotplane ${group} COMMAND [OPTIONS]\n\n` +
    `Commands:\n${columns(rows)}\n` +
    `'hotplane ${group} COMMAND --help' explains a command.\n`
  );
}

export function commandHelp(command: Command): string {
  const positionals = (command.positionals ?? []).map((name) => ` ${name}`).join('');
  const options = Object.entries(command.options).map(optionRow);
  const list = options.length > 0 ? `\nOptions:\n${columns(options)}` : '';
  return (
    `hotplane ${command.name}: ${command.summary}\n\n` +
    `Usage: hotplane ${command.name}${positionals}${options.length > 0 ? ' [OPTIONS]' : ''}\n` +
    `${list}\n${command.help.trim()}\n`
  );
}

function optionRow([name, option]: [string, OptionSpec]): [string, string] {
  const left = `--${name}${option.value ? ` ${option.value}` : ''}`;
  const notes = [
    option.choices ? option.choices.join(' | ') : '',
    option.required ? 'required' : '',
    option.default === undefined ? '' : `default ${option.default}`,
    option.multiple ? 'may be repeated' : '',
  ].filter((note) => note !== '');
  return [left, notes.length > 0 ? `${option.summary} (${notes.join('; ')})` : option.summary];
}
