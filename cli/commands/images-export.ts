import { resolve } from 'node:path';
import { JSON_OPTION, type Command, type CommandInput } from '../command.ts';
import { jsonDocument } from '../../base/json.ts';

const VARIANTS = ['hotmem', 'stock', 'debug'] as const;

async function run({ values, stdout }: CommandInput): Promise<void> {
  const wanted = values.choice('variant', ['all', ...VARIANTS]);
  const out_dir = resolve(values.text('out'));
  const { exportImages } = await import('../../images/export.ts');
  const variants = wanted === 'all' ? (['hotmem', 'stock'] as const) : [wanted];
  const guests = await exportImages({ variants, out_dir });
  if (values.flag('json')) {
    const images = guests.map(({ manifest, kernel_path, initrd_path }) => ({
      variant: manifest.variant,
      release: manifest.release,
      kernel_path,
      initrd_path,
    }));
    stdout.write(jsonDocument({ images }));
    return;
  }
  for (const { manifest } of guests) stdout.write(`${manifest.variant}  ${manifest.release}\n`);
  stdout.write(`use them with: hotplane agent --images ${out_dir}\n`);
}

export const imagesExportCommand: Command = {
  name: 'images export',
  summary: 'copy finished guest images into a folder, for hosts without a compiler',
  options: {
    out: { value: 'DIR', summary: 'a new or empty folder', required: true },
    variant: {
      value: 'NAME',
      summary: 'which kernel; all = stock and hotmem',
      choices: ['all', ...VARIANTS],
      default: 'hotmem',
    },
    json: JSON_OPTION,
  },
  help: `
Nothing is built. The folder can be carried to another host with the same version of hotplane, and
is used there by 'hotplane agent --images DIR', or by every command with HOTPLANE_CACHE=DIR. Neither
compiler nor kernel source is needed there.

Example:
  hotplane images export --out images && tar -czf images.tar.gz images
`,
  run,
};
