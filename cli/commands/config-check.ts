import { jsonDocument } from '../../base/json.ts';
import { findConfigFile, readConfigFile, USUAL_CONFIG_FILE } from '../agent-config/file.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { noConfigFile } from '../errors.ts';
import { resolve } from 'node:path';

async function run({ positionals, values, stdout }: CommandInput): Promise<void> {
  const [named] = positionals;
  const file =
    named === undefined
      ? await findConfigFile(undefined, process.env)
      : await readConfigFile(resolve(named));
  if (!file) throw noConfigFile(USUAL_CONFIG_FILE);
  const keys = [...file.values.keys()];
  const text = `${file.path}: ${keys.length} ${keys.length === 1 ? 'key, and it is' : 'keys, all of them'} good\n`;
  stdout.write(values.flag('json') ? jsonDocument({ path: file.path, keys }) : text);
}

export const configCheckCommand: Command = {
  name: 'config check',
  summary: "read the agent's configuration file and say what is wrong in it",
  positionals: ['[FILE]'],
  options: { json: JSON_OPTION },
  help: `
Reads FILE, else the one that $HOTPLANE_CONFIG names, else ${USUAL_CONFIG_FILE}, as
'hotplane agent' does. Exit code 2 with line, column and the nearest name for what is wrong: a key
that there is not, one given twice, a value that is not of its kind. Nothing is started, and what a
value names need not be there. A file that somebody else may write is refused: it names programs
that the agent runs.

  hotplane config check /etc/hotplane/agent.yaml
`,
  run,
};
