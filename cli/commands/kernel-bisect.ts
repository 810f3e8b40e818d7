import { JSON_OPTION, type Command } from '../command.ts';
import { CLI_LIMITS } from '../limits.ts';

export const kernelBisectCommand: Command = {
  name: 'kernel bisect',
  summary: 'build and boot the kernel after each patch of the series, one after the other',
  options: {
    tree: {
      value: 'PATH',
      summary: 'a Linux source: a git tree, an unpacked source or a tarball; only read',
      required: true,
    },
    series: { value: 'DIR', summary: 'patches to apply (default: the HotMem series of hotplane)' },
    config: { value: 'FILE', summary: 'a fragment of the configuration' },
    arch: {
      value: 'NAME',
      summary: 'what to compile for; arm64 needs gcc-aarch64-linux-gnu and implies --objects',
      choices: ['x86-64', 'arm64'],
      default: 'x86-64',
    },
    objects: { summary: 'compile only the objects that a patch touches, and boot nothing' },
    from: {
      value: 'N',
      summary: 'build from the Nth patch on; those before it are only applied',
      default: '1',
    },
    jobs: { value: 'N', summary: 'parallel jobs of make (default: all processors)' },
    json: JSON_OPTION,
  },
  help: `
A series is only taken when a kernel can be built and booted wherever a bisection stops. Applies one
patch after the other to one copy of the tree, compiles what it changed (through ccache, when that
is installed), boots it, and prints a line for each: KTAP on standard output, progress on standard
error. Goes on behind a patch that does not build or boot, ends at one that does not apply. What an
interrupted run had done is not done again.

Exit codes, of the first patch that failed: 10 it does not apply, 11 does not build, 12 does not
boot; and those of every command.

Examples:
  hotplane kernel bisect --tree ~/linux
  hotplane kernel bisect --tree ~/linux --from 28
  hotplane kernel bisect --tree ~/linux --arch arm64
`,
  async run({ values, stdout, stderr, signal }) {
    const { runBisectCommand } = await import('../../bench/kernel/bisect.ts');
    const arch = values.choice('arch', ['x86-64', 'arm64'] as const);
    return await runBisectCommand({
      tree: values.text('tree'),
      series: values.optional('series') ?? null,
      config_path: values.optional('config') ?? null,
      arch,
      objects_only: values.flag('objects') || arch === 'arm64',
      from: values.whole('from', 1, CLI_LIMITS.series_patches),
      jobs: values.optional('jobs') === undefined ? null : values.whole('jobs', 1, 1024),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};
