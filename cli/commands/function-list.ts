import { isHotplaneError } from '../../base/errors.ts';
import { jsonDocument } from '../../base/json.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';

async function run({ values, stdout }: CommandInput): Promise<void> {
  const [{ listNamed }, { findPackage }, { cacheDir }, { toldPackage }] = await Promise.all([
    import('../../images/packages/named.ts'),
    import('../../images/packages/package.ts'),
    import('../../base/paths.ts'),
    import('../function/told.ts'),
  ]);
  const cache_dir = cacheDir();
  const functions = [];
  for (const named of await listNamed(cache_dir)) {
    const found = await findPackage(cache_dir, named.key).catch((error: unknown) => {
      if (!isHotplaneError(error)) throw error;
      return error.message;
    });
    const is_whole = typeof found !== 'string';
    functions.push({
      ...named,
      image: is_whole ? found : null,
      damage: is_whole ? null : found,
    });
  }
  if (values.flag('json')) return void stdout.write(jsonDocument({ cache: cache_dir, functions }));
  if (functions.length === 0) stdout.write(`no functions in ${cache_dir}\n`);
  for (const { name, runtime, source, image, damage } of functions) {
    const on = runtime === null ? '' : ` on ${runtime}`;
    stdout.write(`${name}${on}: ${image === null ? damage : toldPackage(image)}  ${source}\n`);
  }
}

export const functionListCommand: Command = {
  name: 'function list',
  summary: 'show what was built and imported on this host',
  options: { json: JSON_OPTION },
  help: `
Changes nothing and needs no tool. The cache is $HOTPLANE_CACHE, else ~/.cache/hotplane.

Example:
  hotplane function list --json
`,
  run,
};
