import { JSON_OPTION, type Command } from '../command.ts';

const CONDITIONS = {
  mechanism: {
    value: 'LIST',
    summary: 'hotmem, numa, virtio-mem, virtio-mem-one-device (default: the first three)',
  },
  sizes: { value: 'LIST', summary: 'region sizes, multiples of 128MiB' },
  occupancy: { value: 'LIST', summary: 'of the rest of the guest: 0 to 95, or full' },
  'init-on-alloc': { value: 'LIST', summary: 'guest kernel zeroes pages when allocated: 0, 1' },
  pages: { value: 'LIST', summary: 'guest pages: 4k, huge' },
  backing: { value: 'LIST', summary: 'host backing of the regions: anonymous, memfd' },
  neighbour: { value: 'LIST', summary: 'a neighbour that serves requests meanwhile: on, off' },
} as const;

export const benchReclaimCommand: Command = {
  name: 'bench reclaim',
  summary: 'measure plug and unplug of all mechanisms side by side, in real VMs',
  options: {
    ...CONDITIONS,
    parts: { value: 'LIST', summary: 'reclaim, off, attached, lock (default: all)' },
    repetitions: { value: 'R', summary: 'unplugs of each boot (default: 3)' },
    rounds: { value: 'B', summary: 'times the whole plan is run, in changed order (default: 2)' },
    seed: { value: 'N', summary: 'seed of the bootstrap intervals (default: 1)' },
    short: { summary: 'one small condition, for CI: a minute or two' },
    plan: { summary: 'print the plan and stop' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    out: { value: 'DIR', summary: 'result folder', default: 'bench-reclaim' },
    json: JSON_OPTION,
  },
  help: `
Boots one VM at a time under QEMU, fills its regions with touched memory, and takes them back one by
one. Without options that name conditions, the plan gives every figure the project promises; with
them, it is every combination of what is named, the rest at its usual value (512MiB, full, 0, 4k,
anonymous, off). Lists are separated by commas. Writes manifest.json, blocks.jsonl,
operations.jsonl, instances.jsonl, floor.jsonl, neighbour.jsonl, cost.jsonl, prices.jsonl,
summary.json and report.html; format: bench/README.md.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench reclaim --out bench-1
  hotplane bench reclaim --short
  hotplane bench reclaim --sizes 2GiB --occupancy 0,50,95 --mechanism hotmem --out bench-2
`,
  async run({ values, argv, stdout, stderr, signal }) {
    const { runBenchCommand } = await import('../../bench/reclaim/command.ts');
    const { readVersion } = await import('../../base/version.ts');
    return await runBenchCommand({
      options: {
        mechanism: values.optional('mechanism'),
        sizes: values.optional('sizes'),
        occupancy: values.optional('occupancy'),
        'init-on-alloc': values.optional('init-on-alloc'),
        pages: values.optional('pages'),
        backing: values.optional('backing'),
        neighbour: values.optional('neighbour'),
        parts: values.optional('parts'),
        repetitions: values.optional('repetitions'),
        rounds: values.optional('rounds'),
        seed: values.optional('seed'),
        short: values.flag('short'),
      },
      plan_only: values.flag('plan'),
      strict: values.flag('strict'),
      json: values.flag('json'),
      folder: values.text('out'),
      hotplane_version: await readVersion(),
      command: ['hotplane', ...argv],
      stdout,
      stderr,
      signal,
    });
  },
};
