import { DEFAULT_ARCH } from '../../base/guest-arch.ts';
import { jsonDocument } from '../../base/json.ts';
import { formatBytes } from '../../base/units.ts';
import { JSON_OPTION, type Command, type CommandInput } from '../command.ts';

async function run({ values, stdout }: CommandInput): Promise<void> {
  const [{ listImages }, { cacheDir }] = await Promise.all([
    import('../../images/list.ts'),
    import('../../base/paths.ts'),
  ]);
  const cache_dir = cacheDir();
  const images = await listImages(cache_dir);
  if (values.flag('json')) {
    stdout.write(jsonDocument({ cache: cache_dir, images }));
    return;
  }
  if (images.length === 0) stdout.write(`no guest kernels in ${cache_dir}\n`);
  for (const image of images) {
    if (image.state === 'damaged') {
      stdout.write(`damaged  ${image.path}: ${image.damage}\n`);
      continue;
    }
    const size = formatBytes(image.image_bytes ?? 0);
    const arch = image.arch === DEFAULT_ARCH ? '' : `  ${image.arch}`;
    stdout.write(`${image.state.padEnd(8)} ${image.release}${arch}  ${size}  ${image.path}\n`);
    stdout.write(`${''.padEnd(8)} ${image.compiler}; ${image.source}\n`);
  }
}

export const imagesListCommand: Command = {
  name: 'images list',
  summary: 'show the finished guest kernels of the cache',
  options: { json: JSON_OPTION },
  help: `
Needs no compiler and changes nothing. 'current': this version of hotplane uses it. 'other': it was
made of other patches or another configuration. 'damaged': it does not match its manifest, and the
next 'hotplane images build' makes it anew. The cache is $HOTPLANE_CACHE, else ~/.cache/hotplane.

Example:
  hotplane images list --json
`,
  run,
};
