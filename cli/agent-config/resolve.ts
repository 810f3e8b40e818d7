/**
 * The configuration that holds, and where each value of it comes from: a flag goes before the
 * environment, that before the file, and that before the default. Pure.
 */
import type { HotplaneError } from '../../base/errors.ts';
import { badValue, badVariable } from '../errors.ts';
import { type RawValue, Values } from '../values.ts';
import type { ConfigFile } from './file.ts';
import { CONFIG_KEYS, type ConfigKey, flagOf, variableOf } from './keys.ts';
import { isOn } from './kinds.ts';

export type ConfigOrigin =
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'environment'; readonly variable: string }
  | {
      readonly from: 'file';
      readonly path: string;
      readonly line: number;
      readonly column: number;
    }
  | { readonly from: 'default' };

export interface ConfigValue {
  readonly key: ConfigKey;
  /** As text; null: not given, and there is no default. */
  readonly text: string | null;
  readonly origin: ConfigOrigin;
}

/** Throws HP_CLI_BAD_VALUE and HP_CLI_BAD_VARIABLE; the file was checked when it was read. */
export function resolveConfig(
  flags: Values,
  env: NodeJS.ProcessEnv,
  file: ConfigFile | null,
): readonly ConfigValue[] {
  return CONFIG_KEYS.map(
    (key) =>
      fromFlags(key, flags) ??
      fromEnvironment(key, env) ??
      fromFile(key, file) ?? { key, text: key.default, origin: { from: 'default' } },
  );
}

function fromFlags(key: ConfigKey, flags: Values): ConfigValue | null {
  const flag = flagOf(key);
  if (key.kind.value !== null) {
    const text = flags.optional(flag);
    return text === undefined ? null : checked(key, text, { from: 'flag', flag });
  }
  const off = `no-${flag}`;
  if (flags.flag(flag) && flags.flag(off)) throw badValue(flag, off, 'only one of the two');
  if (flags.flag(flag)) return { key, text: 'true', origin: { from: 'flag', flag } };
  return flags.flag(off) ? { key, text: 'false', origin: { from: 'flag', flag: off } } : null;
}

/** An empty variable counts as unset. */
function fromEnvironment(key: ConfigKey, env: NodeJS.ProcessEnv): ConfigValue | null {
  const names = [variableOf(key), ...(key.variable_too === undefined ? [] : [key.variable_too])];
  for (const variable of names) {
    const text = env[variable] ?? '';
    if (text !== '') return checked(key, text, { from: 'environment', variable });
  }
  return null;
}

function fromFile(key: ConfigKey, file: ConfigFile | null): ConfigValue | null {
  const given = file?.values.get(key.name);
  if (!file || given === undefined) return null;
  const { text, line, column } = given;
  return { key, text, origin: { from: 'file', path: file.path, line, column } };
}

function checked(key: ConfigKey, text: string, origin: ConfigOrigin): ConfigValue {
  const wanted = key.kind.wanted(text);
  if (wanted !== null) throw badConfig(text, wanted, origin);
  return { key, text, origin };
}

function badConfig(text: string, wanted: string, origin: ConfigOrigin): HotplaneError {
  if (origin.from === 'environment') return badVariable(origin.variable, text, wanted);
  return badValue(origin.from === 'flag' ? origin.flag : '', text, wanted);
}

/** Under the names of their flags, for a command that reads them as options. Pure. */
export function valuesOf(config: readonly ConfigValue[]): Values {
  const raw: Record<string, RawValue> = {};
  for (const { key, text } of config) {
    if (text !== null) raw[flagOf(key)] = key.kind.value === null ? isOn(text) : text;
  }
  return new Values(raw);
}
