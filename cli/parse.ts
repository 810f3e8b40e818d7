/** From words to a command and its options. Long options only; nothing is guessed. */
import { parseArgs } from 'node:util';
import type { Command } from './command.ts';
import {
  badArguments,
  badValue,
  groupAlone,
  tooMany,
  unknownCommand,
  unknownOption,
} from './errors.ts';
import { nearest } from '../base/nearest.ts';
import { type RawValue, Values } from './values.ts';

export type Parsed =
  /** Of a command, of a group of commands by its first word, or of all. */
  | { readonly kind: 'help'; readonly command: Command | null; readonly group: string | null }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly values: Values;
      readonly positionals: readonly string[];
    };

/** Throws HP_CLI_*. */
export function parseCommandLine(words: readonly string[], commands: readonly Command[]): Parsed {
  const [first = '--help'] = words;
  if (first === '--version' || isHelp(first)) {
    if (words[1] !== undefined) throw tooMany(words[1]);
    return first === '--version'
      ? { kind: 'version' }
      : { kind: 'help', command: null, group: null };
  }
  const help_of = first === 'help';
  const rest_words = help_of ? words.slice(1) : words;
  if (help_of && rest_words.length === 0) return { kind: 'help', command: null, group: null };
  const found = findCommand(rest_words, commands);
  if (!found) {
    const named = rest_words.filter((word) => !word.startsWith('-')).slice(0, 2);
    const names = commands.map((command) => command.name);
    const members = names.filter((name) => name.startsWith(`${named[0]} `));
    if (named.length === 1 && members.length > 0) {
      const [group = ''] = named;
      if (help_of || rest_words.some(isHelp)) return { kind: 'help', command: null, group };
      throw groupAlone(group, members);
    }
    const near = nearest(named.join(' '), names) ?? nearest(named[0] ?? '', names);
    throw unknownCommand(named.join(' '), near);
  }
  const { command, rest } = found;
  if (help_of || rest.some(isHelp)) return { kind: 'help', command, group: null };
  return parseOptions(command, rest);
}

const isHelp = (word: string): boolean => word === '--help' || word === '-h';

/** The command with the most words that the line begins with. */
function findCommand(
  words: readonly string[],
  commands: readonly Command[],
): { readonly command: Command; readonly rest: readonly string[] } | null {
  for (const count of [2, 1]) {
    const name = words.slice(0, count).join(' ');
    const command = commands.find((one) => one.name === name);
    if (command) return { command, rest: words.slice(count) };
  }
  return null;
}

function parseOptions(command: Command, words: readonly string[]): Parsed {
  const known = Object.entries(command.options);
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      known.map(([name, { value, short }]) => [
        name,
        { type: value ? 'string' : 'boolean', ...(short === undefined ? {} : { short }) } as const,
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const raw: Record<string, RawValue> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind === 'option') takeOption(command, raw, token);
  }
  for (const [name, option] of known) {
    if (raw[name] !== undefined) continue;
    if (option.default !== undefined && !option.default_is_told)
      raw[name] = option.multiple ? [option.default] : option.default;
    else if (option.required) throw badArguments(command.name, `--${name} is required.`);
  }
  checkPositionals(command, positionals);
  return { kind: 'run', command, values: new Values(raw), positionals };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  /** Written as `--name=value`. */
  readonly inlineValue: boolean | undefined;
}

/** What options that take a path call it in their help. */
const PATHS: ReadonlySet<string> = new Set(['PATH', 'DIR', 'FILE']);

function takeOption(command: Command, raw: Record<string, RawValue>, token: OptionToken): void {
  const { name, rawName, value } = token;
  const option = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (!option || !(rawName.startsWith('--') || rawName === `-${option.short ?? ''}`)) {
    throw unknownOption(command.name, rawName, nearest(name, Object.keys(command.options)));
  }
  if (!option.value) {
    if (value !== undefined) throw badArguments(command.name, `--${name} takes no value.`);
    raw[name] = true;
    return;
  }
  if (value === undefined || (value.startsWith('--') && !token.inlineValue)) {
    throw badArguments(command.name, `--${name} needs a value: --${name} ${option.value}.`);
  }
  // An unset variable of a script; as a path it would mean the working folder.
  if (value === '' && PATHS.has(option.value)) throw badValue(name, value, 'a path');
  if (option.choices && !option.choices.includes(value)) {
    throw badValue(name, value, `one of ${option.choices.join(', ')}`);
  }
  const earlier = raw[name];
  if (option.multiple) raw[name] = [...(Array.isArray(earlier) ? earlier : []), value];
  else if (earlier !== undefined) throw badArguments(command.name, `--${name} is given twice.`);
  else raw[name] = value;
}

function checkPositionals(command: Command, given: readonly string[]): void {
  const wanted = command.positionals ?? [];
  const many = wanted.some((name) => name.endsWith('...'));
  const needed = wanted.filter((name) => !name.startsWith('['));
  const missing = needed[given.length];
  if (missing) throw badArguments(command.name, `${missing.replace('...', '')} is missing.`);
  const empty = given.indexOf('');
  if (empty !== -1) {
    throw badArguments(
      command.name,
      `${(wanted[empty] ?? 'an argument').replace('...', '')} is empty.`,
    );
  }
  const extra = given[wanted.length];
  if (extra !== undefined && !many) {
    throw badArguments(command.name, `'${extra}' is one argument too many.`);
  }
}
