import { JSON_OPTION, type Command } from '../command.ts';
import { withFreshFolder } from '../fresh-folder.ts';

/** Of the paper's ten minutes. */
const PAPER_MINUTES = 10;

export const replayPaperCommand: Command = {
  name: 'replay paper',
  summary: "the HotMem paper's experiment under a memory cap, live, beside what is published",
  options: {
    minutes: { value: 'M', summary: 'length of each way; keep-alive is a fifth', default: '3' },
    instances: { value: 'N', summary: 'calls of the largest burst of a function', default: '6' },
    'memory-scale': { value: 'F', summary: 'multiplies 768 and 1536 MiB', default: '0.1667' },
    'touched-share': {
      value: 'F',
      summary: 'share of its memory that a call touches',
      default: '0.75',
    },
    vmm: { value: 'NAME', summary: 'passed to the agents that are started', default: 'auto' },
    seed: { value: 'N', summary: 'of the bursts', default: '1' },
    out: { value: 'DIR', summary: 'results; default: a new folder below ./results' },
    json: JSON_OPTION,
  },
  help: `
What 'hotplane simulate paper' plays in virtual time, on real VMs and small: four functions, called
in bursts of 4 to --instances calls, one VM each. Four replays of the same calls, each with an agent
of its own:

  abundant    static: all regions plugged from beginning to end, no limit of the host
  virtio-mem  stock unplug, on a host with 70 % of that memory
  harvest     the same with the policy plugged-reserve: a region of each function stays plugged
              ahead of need. How the paper harvests is not published in detail
  hotmem      the partitions of this project, on the same host

A start waits while memory comes back to the host; one that finds all of it in use by calls is
refused by the agent, where the paper's waits: such a way served less, which is told, and a refused
call is later than all others. A host with CPU to spare refuses few, for calls are short.

The paper has 36 instances, 768 and 1536 MiB, ten minutes and keep-alive of two: gaps and keep-alive
shrink with --minutes, calls do not. Printed are p99 over all calls against abundant, and GiB·s of
regions; what disturbed a way is told below, and its figures then say nothing. OUT/WAY is the result
folder of each; OUT/paper.csv the trace, OUT/paper.json the figures.

Example:
  hotplane replay paper --minutes 5 --instances 8 --out paper
`,
  async run({ values, argv, stdout, stderr, signal }) {
    const [{ runPaperReplay }, { realPrograms }, { createProgress }] = await Promise.all([
      import('../../autoscaler/replay/paper.ts'),
      import('../function/real-programs.ts'),
      import('../../base/progress.ts'),
    ]);
    const input = {
      argv,
      json: values.flag('json'),
      programs: realPrograms(createProgress({ stream: stderr })),
      signal,
      seed: values.whole('seed', 0, 2 ** 31 - 1),
      instances_max: values.whole('instances', 4, 36),
      time_scale: values.number('minutes', 0.1, 60) / PAPER_MINUTES,
      raw: {
        'memory-scale': values.text('memory-scale'),
        'touched-share': values.text('touched-share'),
        vmm: values.text('vmm'),
      },
    };
    const replayInto = (out: string): Promise<void> =>
      runPaperReplay({ ...input, out }, { stdout, stderr });
    const out = values.optional('out');
    await (out === undefined ? withFreshFolder('results', 'paper', replayInto) : replayInto(out));
  },
};
