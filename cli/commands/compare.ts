import { JSON_OPTION, type Command } from '../command.ts';

export const compareCommand: Command = {
  name: 'compare',
  summary: 'result folders beside each other, measured or simulated',
  positionals: ['DIR...'],
  options: {
    svg: { value: 'FILE', summary: 'plot cold starts against memory, with its points as CSV' },
    seed: { value: 'N', summary: 'of the intervals that are drawn', default: '1' },
    json: JSON_OPTION,
  },
  help: `
Reads folders of 'hotplane replay' (of --rounds each round) and of 'hotplane simulate --out', and
prints for each run cold starts, waits until an instance was there, and committed memory, each with
its interval of confidence (95 %): of shares after Wilson, of percentiles by order statistics, of
memory against the first run by drawing hundredths of the window again (1000 times). Memory of runs
with other work or another window is not compared. Runs that no other one is better than are the
front of the plot.

Example:
  hotplane compare out-live out-simulated --svg pareto.svg
`,
  async run({ values, positionals, stdout, signal }) {
    const { runCompareCommand } = await import('../../autoscaler/report/compare-command.ts');
    await runCompareCommand({
      folders: positionals,
      seed: values.whole('seed', 0, 2 ** 31 - 1),
      svg: values.optional('svg') ?? null,
      json: values.flag('json'),
      stdout,
      signal,
    });
  },
};
