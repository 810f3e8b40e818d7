import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import type { ConfigOrigin, ConfigValue } from '../agent-config/resolve.ts';
import { configOptions, readAgentConfig } from '../agent-config/options.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { columns } from '../help.ts';

async function run(input: CommandInput): Promise<void> {
  const config = await readAgentConfig(input, process.env);
  input.stdout.write(input.values.flag('json') ? renderJson(config) : renderTable(config));
}

function renderJson(config: readonly ConfigValue[]): string {
  const keys = config.map(({ key, text, origin }) => [key.name, { value: text, origin }] as const);
  return jsonDocument({ schema_version: 1, keys: Object.fromEntries(keys) });
}

function renderTable(config: readonly ConfigValue[]): string {
  const rows = config.map(({ key, text, origin }) => {
    const shown = text ?? `(${key.otherwise?.replaceAll('`', '') ?? 'none'})`;
    return [key.name, `${printable(shown)}  # ${originText(origin)}`] as const;
  });
  return columns(rows);
}

function originText(origin: ConfigOrigin): string {
  if (origin.from === 'flag') return `--${origin.flag}`;
  if (origin.from === 'environment') return `$${origin.variable}`;
  if (origin.from === 'file') return `${origin.path}:${origin.line}:${origin.column}`;
  return 'default';
}

export const configShowCommand: Command = {
  name: 'config show',
  summary: 'show the configuration an agent would have, and where each value comes from',
  options: { ...configOptions(), json: JSON_OPTION },
  help: `
Takes the flags of 'hotplane agent', and looks at the same variables and file. A flag goes before
the environment, that before the file, and that before the default; each value is shown with the
flag, the variable, or the line and column of the file that it comes from. With --json a value that
nothing gives is null, and all others are texts.

  hotplane config show --host-limit 8GiB
`,
  run,
};
