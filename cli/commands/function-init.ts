import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFolder } from '../../base/make-folder.ts';
import { RUNTIME_NAMES } from '../../images/runtimes/recipes.ts';
import { errnoOf } from '../../base/system-error.ts';
import { badPositional, cliError } from '../errors.ts';
import type { Command, CommandInput } from '../command.ts';
import { scaffold } from '../function/scaffold.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

async function run({ values, positionals, stdout }: CommandInput): Promise<void> {
  const [dir = ''] = positionals;
  const name = basename(dir);
  if (!NAME.test(name)) throw badPositional('NAME', name, 'a name like [a-z0-9][a-z0-9-]{0,62}');
  const runtime = values.choice('runtime', RUNTIME_NAMES);
  await makeFolder(dir);
  for (const [file, text] of scaffold(name, runtime)) {
    const path = join(dir, file);
    await writeFile(path, text, { flag: 'wx' }).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
      throw cliError('HP_CLI_FILE_THERE', `${path} is there already.`);
    });
    stdout.write(`${path}\n`);
  }
}

export const functionInitCommand: Command = {
  name: 'function init',
  summary: 'write a new function: a folder with function.yaml and a handler',
  positionals: ['NAME'],
  options: {
    runtime: {
      value: 'NAME',
      summary: 'what the function is written in; static needs nothing of a runtime',
      choices: RUNTIME_NAMES,
      default: 'python3',
    },
  },
  help: `
Makes the folder NAME and writes into it; no file is written over. Nothing else is needed: the
handler of python3 is called as handler(event, context), that of node as handler(event, context) of
a module, and a static program is asked over HTTP on $PORT.

Example:
  hotplane function init hello --runtime python3
`,
  run,
};
