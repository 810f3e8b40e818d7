/** The configuration of the agent as options of a command, and read from all its sources. */
import type { CommandInput, OptionSpec } from '../command.ts';
import { findConfigFile, USUAL_CONFIG_FILE } from './file.ts';
import { CONFIG_KEYS, type ConfigKey, flagOf } from './keys.ts';
import { type ConfigValue, resolveConfig } from './resolve.ts';

const CONFIG_OPTION: OptionSpec = {
  value: 'FILE',
  summary: "configuration file; 'none': read none",
  default: `${USUAL_CONFIG_FILE} where it is`,
  default_is_told: true,
};

/** `--config`, and a flag for each key; a switch has a flag for each way. */
export function configOptions(): Record<string, OptionSpec> {
  return { config: CONFIG_OPTION, ...Object.fromEntries(CONFIG_KEYS.flatMap(optionsOf)) };
}

function optionsOf(key: ConfigKey): readonly (readonly [string, OptionSpec])[] {
  const flag = flagOf(key);
  const { value, choices } = key.kind;
  if (value === null) {
    const state = key.default === 'true' ? 'on' : 'off';
    const on = { summary: key.doc, default: state, default_is_told: true };
    return [
      [flag, on],
      [`no-${flag}`, { summary: `not --${flag}` }],
    ];
  }
  const shown = key.default ?? key.otherwise?.replaceAll('`', '');
  const told = shown === undefined ? {} : { default: shown, default_is_told: true };
  return [[flag, { value, summary: key.doc, ...told, ...(choices ? { choices } : {}) }]];
}

/** What holds for this command line, this environment and the file they name. */
export async function readAgentConfig(
  { values }: Pick<CommandInput, 'values'>,
  env: NodeJS.ProcessEnv,
): Promise<readonly ConfigValue[]> {
  return resolveConfig(values, env, await findConfigFile(values.optional('config'), env));
}
