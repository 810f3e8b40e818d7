import { join } from 'node:path';
import { jsonDocument } from '../../base/json.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';

async function run({ positionals, values, stdout, stderr, signal }: CommandInput): Promise<void> {
  const [{ makeFunction, programOf, readFunctionFile }, { cacheDir }, { createProgress }, told] =
    await Promise.all([
      import('../function/program.ts'),
      import('../../base/paths.ts'),
      import('../../base/progress.ts'),
      import('../function/told.ts'),
    ]);
  const read = await readFunctionFile(join(positionals[0] ?? '', 'function.yaml'));
  const progress = createProgress({ stream: stderr });
  const made = await makeFunction(read, { cache_dir: cacheDir(), progress, signal });
  const program = programOf(read, made);
  const { name } = read.manifest;
  const { runtime } = made;
  if (values.flag('json')) {
    const base = runtime && { name: runtime.name, ...runtime.made, packages: runtime.packages };
    stdout.write(jsonDocument({ name, function: made.function, runtime: base, program }));
    return;
  }
  stdout.write(`${name}: ${told.toldPackage(made.function)}  ${made.function.image_path}\n`);
  if (runtime === null) return;
  const { length } = runtime.packages;
  stdout.write(`on ${runtime.name}: ${told.toldPackage(runtime.made)}, ${length} packages\n`);
}

export const functionBuildCommand: Command = {
  name: 'function build',
  summary: "make a function's folder a read-only image, and its base runtime if it is missing",
  positionals: ['DIR'],
  options: { json: JSON_OPTION },
  help: `
DIR has a function.yaml. All else in it lies at /var/task of the image, owned by root; .git,
__pycache__ and function.yaml itself are left out. The same files are the same image on every host,
and what was built is not built again. The first build on a runtime makes that of Debian packages,
which apt fetches. 'hotplane deploy -f DIR/function.yaml' builds as well.

Example:
  hotplane function build hello
`,
  run,
};
