import { JSON_OPTION, type Command } from '../command.ts';

export const kernelCheckCommand: Command = {
  name: 'kernel check',
  summary: 'check the kernel series on a kernel tree of yours: builds, boots, selftests, costs',
  options: {
    tree: {
      value: 'PATH',
      summary: 'a Linux source: a git tree, an unpacked source or a tarball; only read',
      required: true,
    },
    series: { value: 'DIR', summary: 'patches to apply (default: the HotMem series of hotplane)' },
    config: { value: 'FILE', summary: 'a fragment of the configuration, for both kernels' },
    arch: {
      value: 'NAME',
      summary: 'what to compile for; arm64 needs its compiler and its VMM, and is emulated',
      choices: ['x86-64', 'arm64'],
      default: 'x86-64',
    },
    cases: { value: 'LIST', summary: 'selftests to run, separated by commas (default: all)' },
    jobs: { value: 'N', summary: 'parallel jobs of make (default: all processors)' },
    bound: { value: 'PERCENT', summary: 'instructions that off may take more', default: '2' },
    'skip-bench': { summary: 'do not count instructions' },
    junit: { value: 'FILE', summary: 'write the result as JUnit XML too' },
    json: JSON_OPTION,
  },
  help: `
Applies the series to a copy of the tree, builds it and the untouched tree with the configuration of
hotplane's guests, boots both in a VM, runs the selftests that the series brings, and counts the
instructions of page faults, fork and exit, plug and unplug with the series compiled in and off
against the untouched kernel, and those of page faults in a partition against page faults in none
(at most 5 % more). Standard output is KTAP, one result for each step as it ends, the
cases of the selftests inside theirs; progress goes to standard error.

What is built is kept in $HOTPLANE_CACHE, else ~/.cache/hotplane, by the content of tree, series,
configuration and compiler: the same check again only boots. A tree under git without changes is
known by its commit's content, so that a cache that CI carries along is found again. An interrupted
check goes on where its build stopped.

Exit codes, of the first step that failed:
  0   all that was run passed       12  a kernel does not boot
  10  a patch does not apply        13  a selftest failed
  11  a kernel does not build       14  a cost is above --bound, or
                                        could not be counted
and those of every command (3 no kernel tree, or a tool is not installed; 130 interrupted).

Examples:
  hotplane kernel check --tree ~/linux
  hotplane kernel check --tree ~/linux --cases memory,kill,unplug_one_request --skip-bench
  hotplane kernel check --tree ~/linux --arch arm64
  hotplane kernel check --tree linux-6.12.60.tar.xz --series ~/series --junit check.xml
`,
  async run({ values, stdout, stderr, signal }) {
    const { runCheckCommand } = await import('../../bench/kernel/command.ts');
    return await runCheckCommand({
      tree: values.text('tree'),
      series: values.optional('series') ?? null,
      config_path: values.optional('config') ?? null,
      arch: values.choice('arch', ['x86-64', 'arm64'] as const),
      cases: values.optional('cases') ?? null,
      jobs: values.optional('jobs') === undefined ? null : values.whole('jobs', 1, 1024),
      bound_percent: values.flag('skip-bench') ? null : values.number('bound', 0, 1000),
      junit_path: values.optional('junit') ?? null,
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};
