import { JSON_OPTION, type Command } from '../command.ts';
import { openOptions, TRACE_HELP, TRACE_OPTIONS } from '../trace-options.ts';

export const traceInspectCommand: Command = {
  name: 'trace inspect',
  summary: 'what a trace holds, and which of its oddities were dealt with how',
  positionals: ['FILE...'],
  options: { ...TRACE_OPTIONS, json: JSON_OPTION },
  help: `
Reads a trace and prints what is in it, and every rule that was needed to read it, with a count and
the first line. Rows are never dropped without a rule that is counted; what no rule is for is one
error with file, line and column.

${TRACE_HELP}

Examples:
  hotplane trace inspect autoscaler/traces/azure2021/sample_200.csv
  hotplane trace inspect --functions 100 invocations_per_function_md.anon.d01.csv
`,
  async run({ values, positionals, stdout, signal }) {
    const { runInspect } = await import('../../autoscaler/trace/command.ts');
    const open = openOptions(values, signal);
    const json = values.flag('json');
    await runInspect({ files: positionals, open, validate: false, json, stdout, signal });
  },
};
