import { join } from 'node:path';
import { GUEST_KERNELS, servedByEither, variantOf } from '../../agent/model/guest-kernel.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { JSON_OPTION, type Command, type CommandInput } from '../command.ts';

/**
 * The main job on a small host: 8 GiB and two cores are enough. Ten of the trace's 20 minutes, with
 * all of its applications, are replayed as fast as the host carries, in some 30 s a mechanism: all
 * of it takes less than three minutes. They begin behind the trace's first burst, 26 cold calls at
 * once, and end with its second one, which finds applications at work. With 30 s of
 * keep-alive, a quarter of the paper's, the functions called once a minute give their memory back
 * between calls, while others of their application go on. A tenth of each limit is touched, and 2 %
 * of each duration is computed: starting and touching are not sped up, and more would fill two
 * emulated cores, so that callers wait and the work under the mechanisms is no longer equal.
 */
export const QUICKSTART_REPLAY: Readonly<Record<string, string>> = {
  trace: join(PROJECT_ROOT, 'autoscaler', 'traces', 'azure2021', 'four_apps.csv'),
  group: 'app',
  functions: '4',
  begin: '40',
  'keep-alive': '30',
  'touched-share': '0.1',
  'cpu-share': '0.02',
  'memory-scale': '0.125',
};

/** From the begin on: in so many seconds every application has made a call, and all of the rest. */
const FOUR_APPS_S = 280;
const WHOLE_TRACE_S = 1_180;

async function run({ values, argv, stdout, stderr, signal }: CommandInput): Promise<void> {
  const [
    { runReplayCommand },
    { realPrograms },
    { OutFolder },
    { ensureGuest },
    { createProgress },
    folders,
  ] = await Promise.all([
    import('../../autoscaler/replay/command.ts'),
    import('../function/real-programs.ts'),
    import('../../autoscaler/replay/out-folder.ts'),
    import('../../images/index.ts'),
    import('../../base/progress.ts'),
    import('../fresh-folder.ts'),
  ]);
  const guest_kernel = values.choice('guest-kernel', GUEST_KERNELS);
  const raw = {
    ...QUICKSTART_REPLAY,
    mechanism: values.text('mechanism'),
    speedup: values.text('speedup'),
    duration: String(values.number('duration', FOUR_APPS_S, WHOLE_TRACE_S)),
    rounds: values.text('rounds'),
    'guest-kernel': guest_kernel,
  };
  const { mechanisms } = parseReplayOptions({ ...raw, out: 'not named yet' });
  const progress = createProgress({ stream: stderr });
  const json = values.flag('json');
  const replayInto = async (out: string): Promise<void> => {
    // Whether results can be written is known before minutes of building.
    const folder = new OutFolder(out);
    folder.make();
    folder.giveBack();
    for (const variant of new Set(
      mechanisms.map((one) => variantOf(MECHANISMS.get(one), guest_kernel)),
    )) {
      await ensureGuest({ variant, progress, signal });
    }
    await runReplayCommand(
      {
        raw: { ...raw, out },
        argv,
        dry_run: false,
        json,
        programs: realPrograms(progress),
        signal,
      },
      { stdout, stderr },
    );
  };
  const out = values.optional('out');
  await (out === undefined
    ? folders.withFreshFolder('results', 'quickstart', replayInto)
    : replayInto(out));
}

export const quickstartCommand: Command = {
  name: 'quickstart',
  summary: 'replay the bundled trace against real microVMs and compare the mechanisms',
  options: {
    mechanism: {
      value: 'LIST',
      summary: 'comma-separated, replayed in turn',
      default: MECHANISMS.names.join(','),
    },
    'guest-kernel': {
      value: 'NAME',
      summary: `of ${servedByEither().join(', ')}: with the series, switched off, or untouched`,
      choices: GUEST_KERNELS,
      default: 'series',
    },
    speedup: {
      value: 'S',
      summary:
        'so many times as fast; auto[:LEAST-MOST]: what this machine carries, measured first',
      default: 'auto:15-60',
    },
    duration: {
      value: 'SEC',
      summary: `of the trace's last ${WHOLE_TRACE_S} s, at least ${FOUR_APPS_S}: later calls are left out`,
      default: '610',
    },
    rounds: { value: 'R', summary: 'replay all of it R times, in turned order', default: '1' },
    out: { value: 'DIR', summary: 'result folder; default: a new one below ./results' },
    json: JSON_OPTION,
  },
  help: `
The same as 'hotplane replay' with the bundled piece of the Azure Functions 2021 trace and sizes
that fit a small host. Builds the guest image first when it is not in the cache: one kernel serves
all mechanisms, unless --guest-kernel untouched is given.
`,
  run,
};
