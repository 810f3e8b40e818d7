import { JSON_OPTION, type Command } from '../command.ts';
import { openOptions, TRACE_HELP, TRACE_OPTIONS } from '../trace-options.ts';

export const traceValidateCommand: Command = {
  name: 'trace validate',
  summary: 'check a trace, and say how far it is from what is published of its kind',
  positionals: ['FILE...'],
  options: { ...TRACE_OPTIONS, json: JSON_OPTION },
  help: `
As 'trace inspect', and beside it the distance of the trace to published tables: the largest
difference of shares (Kolmogorov and Smirnov) of popularity, functions of an application, durations,
memory and the variation of gaps, for 2021 of durations and of the most invoked applications. A
small trace is further away than a large one that is drawn alike. Exits with 2 when it cannot be
read, else with 0: how near is near enough is for its reader to say.

${TRACE_HELP}

Example:
  hotplane trace validate made.csv --json
`,
  async run({ values, positionals, stdout, signal }) {
    const { runInspect } = await import('../../autoscaler/trace/command.ts');
    const open = openOptions(values, signal);
    const json = values.flag('json');
    await runInspect({ files: positionals, open, validate: true, json, stdout, signal });
  },
};
