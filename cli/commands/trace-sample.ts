import { JSON_OPTION, type Command } from '../command.ts';
import { CLI_LIMITS } from '../limits.ts';
import {
  CHOICE_OPTIONS,
  choiceOf,
  openOptions,
  TRACE_HELP,
  TRACE_OPTIONS,
} from '../trace-options.ts';

export const traceSampleCommand: Command = {
  name: 'trace sample',
  summary: 'take some functions of a trace so that they are like all of them',
  positionals: ['FILE...'],
  options: {
    ...TRACE_OPTIONS,
    ...CHOICE_OPTIONS,
    take: { value: 'K', summary: 'functions of the sample', required: true },
    trials: { value: 'N', summary: 'orders of functions to choose from', default: '16' },
    out: {
      value: 'FILE',
      summary: 'where the sample goes, in the format arrivals',
      required: true,
    },
    json: JSON_OPTION,
  },
  help: `
Draws --trials orders of the functions with --seed and takes the one whose first functions are
nearest to the whole, at sizes 8, 16, 32, ...: by the Wasserstein distance of the logarithms of
invocations and of cost (invocations x duration x memory). The first --take of them are the sample,
so that with one seed a smaller sample is part of every larger one. Beside --out, FILE.json says
seed, trials and distances, and those of an order that was drawn once.

${TRACE_HELP}

Example:
  hotplane trace sample autoscaler/traces/azure2021/sample_200.csv --take 10 --out ten.csv
`,
  async run({ values, positionals, stdout, signal }) {
    const { runSample } = await import('../../autoscaler/trace/command.ts');
    const open = { ...openOptions(values, signal), choice: choiceOf(values) };
    await runSample({
      files: positionals,
      open,
      functions: values.whole('take', 1, CLI_LIMITS.trace_functions),
      seed: open.seed,
      trials: values.whole('trials', 1, CLI_LIMITS.trace_trials),
      out: values.text('out'),
      json: values.flag('json'),
      stdout,
      signal,
    });
  },
};
