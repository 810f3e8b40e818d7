import { LIMITS } from '../../base/limits.ts';
import { JSON_OPTION, type Command } from '../command.ts';
import { CLI_LIMITS } from '../limits.ts';

export const simulateSizingCommand: Command = {
  name: 'simulate sizing',
  summary: 'what sizes of instances would cost, on series of memory, without a VM',
  options: {
    azure2019: {
      value: 'FILE',
      summary: 'memory percentiles of the Azure trace of 2019; may be given again',
      multiple: true,
    },
    series: {
      value: 'FILE',
      summary: 'a resources.json of AgentCgroup; may be given again',
      multiple: true,
    },
    functions: { value: 'N', summary: 'functions of each class, drawn by the seed', default: '5' },
    invocations: { value: 'N', summary: 'of each function', default: '3000' },
    'duration-ms': { value: 'MS', summary: 'of one invocation of a function', default: '1000' },
    'growth-ms': { value: 'MS', summary: 'one growth, from the wish to its memory', default: '20' },
    'touch-ms': { value: 'MS', summary: 'touching one GiB for the first time', default: '350' },
    reactive: { summary: 'ask for growth when somebody waits, and keep no reserve free' },
    seed: { value: 'N', summary: 'of everything that is drawn', default: '1' },
    svg: { value: 'FILE', summary: 'also plot the first series, every strategy, as SVG' },
    json: JSON_OPTION,
  },
  help: `
Plays invocations under six ways to size an instance and prints what each holds, against what is
used: 256 MiB grown by 64 (fixed), sizes chosen from the history of the function after every 1000
invocations (history), both also with shrinking while it runs, the largest peak of the function
(peak), and the invocation's own (oracle). Everything printed is simulated, nothing is measured.

Without files both kinds of input are made from the seed: 20 series of memory over time (half load,
split, train and validate; half are agents with bursts), and functions whose peaks vary.

  --series FILE     one invocation each, as it was recorded
  --azure2019 FILE  app_memory_percentiles.*.csv: the peak of each invocation is drawn from the
                    percentiles of its application. The file does not tell the course of memory:
                    assumed is the 1st percentile, and the peak for the half in the middle.
                    Classes: varying if the largest sample is twice the median; of the others small
                    and large are the quarters with the lowest and the highest medians, average the
                    rest. The first 1000 invocations of each function are not counted.

Latency: an invocation lasts as it was recorded or --duration-ms, and longer by what it waits. Who
touches memory that is not plugged waits until growth is there, --growth-ms after it was asked for.
Growth is asked for ahead, as fast as memory was seen to grow; with --reactive when somebody waits.
The start is the same for all and left out. Defaults: 20 ms and 350 ms a GiB, the fastest growth
published (AgentCgroup, 3 GB/s) and the reaction that a reserve of 64 MiB covers then; your machine
has others ('hotplane bench reclaim').

Promises that do not hold are printed so; the exit code stays 0.

Examples:
  hotplane simulate sizing --svg sizing.svg
  hotplane simulate sizing --azure2019 app_memory_percentiles.anon.d01.csv --functions 50 --json
`,
  async run({ values, stdout, stderr, signal }) {
    const [{ runSizingCommand }, { writeWhole }] = await Promise.all([
      import('../../autoscaler/simulator/command.ts'),
      import('../../base/files.ts'),
    ]);
    const svg = values.optional('svg');
    const series = values.list('series');
    await runSizingCommand({
      azure2019: values.list('azure2019'),
      series,
      functions: values.whole('functions', 1, CLI_LIMITS.simulated_functions),
      invocations: values.whole('invocations', 1001, CLI_LIMITS.simulated_invocations),
      duration_ms: values.number('duration-ms', 1, LIMITS.invocation_ms),
      growth_ms: values.number('growth-ms', 0.1, CLI_LIMITS.simulated_cost_ms),
      touch_ms_per_gib: values.number('touch-ms', 0.1, CLI_LIMITS.simulated_cost_ms),
      is_reactive: values.flag('reactive'),
      seed: values.whole('seed', 0, 2 ** 31 - 1),
      writeSvg: svg === undefined ? null : (text) => writeWhole(svg, text, { durable: false }),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};
