/**
 * docs/configuration.md and the configuration file of the package, written from the table of keys:
 *
 *   node tools/configuration-page.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../base/paths.ts';
import { CONFIG_KEYS, type ConfigKey, flagOf, variableOf } from '../cli/agent-config/keys.ts';

export const CONFIG_PAGE_PATH = join(PROJECT_ROOT, 'docs', 'configuration.md');

function flagsOf(key: ConfigKey): string {
  const flag = flagOf(key);
  if (key.kind.value === null) return `\`--${flag}\`, \`--no-${flag}\``;
  return `\`--${flag} ${key.kind.value}\``;
}

function variablesOf(key: ConfigKey): string {
  const names = [variableOf(key), ...(key.variable_too === undefined ? [] : [key.variable_too])];
  return names.map((name) => `\`${name}\``).join(', ');
}

function defaultOf({ otherwise, default: usual }: ConfigKey): string {
  return otherwise ?? (usual === null ? 'none' : `\`${usual}\``);
}

function rowOf(key: ConfigKey): string {
  const { choices } = key.kind;
  const doc = `${key.doc}${choices ? `: ${choices.map((one) => `\`${one}\``).join(', ')}` : ''}`;
  return `| \`${key.name}\` | ${flagsOf(key)} | ${variablesOf(key)} | ${doc} | ${defaultOf(key)} |`;
}

/** The whole page. Pure. */
export function renderConfigPage(keys: readonly ConfigKey[]): string {
  return [
    '<!-- Written by `node tools/configuration-page.ts`: change the table in the sources, not this page. -->',
    '# Configuration of the agent',
    '',
    'From `cli/agent-config/keys.ts`. A key has one name, written three ways: `state_dir` in the file,',
    '`--state-dir` on the command line, `HOTPLANE_STATE_DIR` in the environment. A flag goes before the',
    'environment, that before the file, and that before the default.',
    '',
    'The file is YAML: the one that `--config` or `$HOTPLANE_CONFIG` names (`none`: no file), else',
    '`/etc/hotplane/agent.yaml` where it is. It is refused, with line and column, for a key that there is',
    'not, a key given twice and a value not of its kind; and as a whole where somebody else than you or',
    'root may write it, since it names programs that the agent runs. Relative paths in it count from its',
    'folder; a program without a slash is looked for in `PATH`. An empty variable counts as unset.',
    '',
    '```',
    'hotplane config check /etc/hotplane/agent.yaml     # what is wrong in it, before an agent reads it',
    'hotplane config show --host-limit 8GiB             # what would hold, and where each value is from',
    '```',
    '',
    '| key | flag | variable | what it is | default |',
    '|---|---|---|---|---|',
    ...keys.map(rowOf),
    '',
    'The runtime folder is `$HOTPLANE_RUNTIME_DIR`; see [environment.md](environment.md).',
    '',
  ].join('\n');
}

if (import.meta.main) await writeFile(CONFIG_PAGE_PATH, renderConfigPage(CONFIG_KEYS));
