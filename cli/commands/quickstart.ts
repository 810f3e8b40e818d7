import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import type { KernelVariant } from '../../images/index.ts';
import { JSON_OPTION, type Command, type CommandInput } from '../command.ts';

/**
 * The main job on a small host: 8 GiB and two cores are enough. The trace's 21 minutes are replayed
 * 50 times faster; the paper's keep-alive of 120 s shrinks with them.
 */
const REPLAY: Readonly<Record<string, string>> = {
  trace: join(PROJECT_ROOT, 'autoscaler', 'traces', 'azure2021', 'sample_200.csv'),
  speedup: '50',
  functions: '4',
  'memory-scale': '0.125',
};

async function run({ values, argv, stdout, stderr, signal }: CommandInput): Promise<void> {
  const [{ runReplayCommand }, { ensureGuest }, { createProgress }, { freshFolder }] =
    await Promise.all([
      import('../../autoscaler/replay/command.ts'),
      import('../../images/index.ts'),
      import('../../base/progress.ts'),
      import('../fresh-folder.ts'),
    ]);
  const mechanism = values.text('mechanism');
  const patched = mechanism.split(',').includes('hotmem');
  const variants: readonly KernelVariant[] = patched ? ['stock', 'hotmem'] : ['stock'];
  const progress = createProgress({ stream: stderr });
  for (const variant of variants) await ensureGuest({ variant, progress, signal });
  const out = values.optional('out') ?? (await freshFolder('results', 'quickstart'));
  const raw = { ...REPLAY, mechanism, out };
  await runReplayCommand({ raw, argv, json: values.flag('json'), signal }, { stdout, stderr });
}

export const quickstartCommand: Command = {
  name: 'quickstart',
  summary: 'replay the bundled trace against real microVMs and compare the mechanisms',
  options: {
    mechanism: {
      value: 'LIST',
      summary: 'comma-separated, replayed in turn',
      default: 'static,virtio-mem,numa,hotmem',
    },
    out: { value: 'DIR', summary: 'result folder; default: a new one below ./results' },
    json: JSON_OPTION,
  },
  help: `
The same as 'hotplane replay' with the bundled piece of the Azure Functions 2021 trace and sizes
that fit a small host. Builds the guest images first when they are not in the cache.
`,
  run,
};
