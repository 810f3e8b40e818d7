import { DEFAULT_ARCH, GUEST_ARCHS } from '../../base/guest-arch.ts';
import type { KernelVariant } from '../../images/index.ts';
import { JSON_OPTION, type Command, type CommandInput } from '../command.ts';
import { jsonDocument } from '../../base/json.ts';

const VARIANTS: readonly KernelVariant[] = ['stock', 'hotmem', 'debug'];
/** What every replay and bench needs; `debug` is for the kernel's own tests. */
const DEFAULT_VARIANTS: readonly KernelVariant[] = ['stock', 'hotmem'];

async function run({ values, stdout, stderr, signal }: CommandInput): Promise<void> {
  const wanted = values.choice('variant', ['all', ...VARIANTS]);
  const arch = values.choice('arch', GUEST_ARCHS);
  const kernel_tree = values.optional('kernel-tree');
  const [{ ensureGuest }, { createProgress }] = await Promise.all([
    import('../../images/index.ts'),
    import('../../base/progress.ts'),
  ]);
  const progress = createProgress({ stream: stderr });
  const built = [];
  for (const variant of wanted === 'all' ? DEFAULT_VARIANTS : [wanted]) {
    const tree = kernel_tree === undefined ? {} : { kernel_tree };
    const guest = await ensureGuest({ variant, arch, progress, signal, ...tree });
    const { kernel_path, initrd_path, kernel_version } = guest;
    built.push({ variant, arch, kernel_version, kernel_path, initrd_path });
    if (values.flag('json')) continue;
    stdout.write(`${variant.padEnd(7)} Linux ${kernel_version}  ${kernel_path}\n`);
    stdout.write(`${''.padEnd(7)} initramfs  ${initrd_path}\n`);
  }
  if (values.flag('json')) stdout.write(jsonDocument({ images: built }));
}

export const imagesBuildCommand: Command = {
  name: 'images build',
  summary: 'build guest kernels and the root file system, or take them from the cache',
  options: {
    variant: {
      value: 'NAME',
      summary: 'stock (untouched kernel), hotmem, debug; all = stock and hotmem',
      choices: ['all', ...VARIANTS],
      default: 'all',
    },
    arch: {
      value: 'NAME',
      summary: 'of the guest; arm64 needs gcc-aarch64-linux-gnu, and is for tests of the series',
      choices: GUEST_ARCHS,
      default: DEFAULT_ARCH,
    },
    'kernel-tree': {
      value: 'DIR',
      summary: "an unpacked Linux 6.12 tree instead of Debian's linux-source-6.12",
    },
    json: JSON_OPTION,
  },
  help: `
The cache is keyed by content (kernel source, patches, configuration, compiler) and lies in
$HOTPLANE_CACHE, else ~/.cache/hotplane. A build takes about five minutes on two idle cores; one
that was interrupted is resumed; two at once share one build.

Example:
  hotplane images build --variant stock --kernel-tree ~/linux-6.12.60
`,
  run,
};
