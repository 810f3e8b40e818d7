import { JSON_OPTION, type Command } from '../command.ts';
import { CLI_LIMITS } from '../limits.ts';

export const benchSimulateCommand: Command = {
  name: 'bench simulate',
  summary: 'measure how fast traces are read and simulated',
  options: {
    invocations: { value: 'N', summary: 'of the made trace', default: '1980951' },
    reference: {
      value: 'N',
      summary: 'the first so many for the reference engine',
      default: '60000',
    },
    apps: { value: 'N', summary: 'of the made day of 2019', default: '24274' },
    plot: { value: 'FILE', summary: 'play 10 k to --linear invocations, and draw the time (SVG)' },
    linear: { value: 'N', summary: 'most invocations of the plot', default: '10000000' },
    rounds: { value: 'B', summary: 'times every figure is taken', default: '3' },
    seed: { value: 'N', summary: 'of the made trace', default: '1' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    json: JSON_OPTION,
  },
  help: `
Makes a trace like that of 2021, reads and simulates it, and prints millions of events for a second
of CPU time, of each policy on the fast engine and of the reference engine, and what part that is of
a bare heap over the same arrivals in the same run: the ratio says more than the time on a machine
that is not idle. Events: arrivals, ends, starts that are ready, and the one end of each idleness.
Before the rounds there is one of the same size that is not counted, in which code is compiled;
reading and the whole way from file to figures are measured before it, once.

Reading is also done by a process that does nothing else, which tells its memory: the trace of 2021,
and a made day of 2019, whose wide file is counted. With --plot the first N invocations of one
workload are played, N from 10,000 to --linear: the picture has the CPU time over N, FILE.csv its
points, and the exponent is 1 where time is linear in N.

Exits with 0 also when a promise is missed, unless --strict.

Example:
  hotplane bench simulate --invocations 200000 --rounds 1
`,
  async run({ values, stdout, signal }) {
    const { runSimulateBench } = await import('../../bench/simulate/command.ts');
    return await runSimulateBench({
      invocations: values.whole('invocations', 1_000, CLI_LIMITS.trace_invocations),
      reference_invocations: values.whole('reference', 100, CLI_LIMITS.trace_invocations),
      apps: values.whole('apps', 10, 100_000),
      plot: values.optional('plot') ?? null,
      linear: values.whole('linear', 10_000, CLI_LIMITS.trace_invocations),
      rounds: values.whole('rounds', 1, 100),
      seed: values.whole('seed', 0, 2 ** 31 - 1),
      strict: values.flag('strict'),
      json: values.flag('json'),
      stdout,
      signal,
    });
  },
};
