import { JSON_OPTION, type Command } from '../command.ts';
import { MUX_OPTIONS, muxOptions } from '../mux-options.ts';

export const muxClassifyCommand: Command = {
  name: 'mux classify',
  summary: 'how well the memory of the functions of some folders can be told from their source',
  positionals: ['PATH...'],
  options: { ...MUX_OPTIONS, json: JSON_OPTION },
  help: `
Reads the Python, JavaScript and TypeScript of files and folders, runs nothing, and prints a line
for each function that a platform would call (handler, lambda_handler, main): its class, its peak,
and below it what keeps it from a better class, with the line of the source. What the classes mean,
and everything of one function, tells 'hotplane mux extract'.

Left out: folders named node_modules and __pycache__, and such as begin with a dot. A file beside
that a function imports is followed. What of a class 'needs an attribute' is given by --attribute or
--attributes; then the answer is as good as what is left.

Examples:
  hotplane mux classify serverless-benchmarks/benchmarks
  hotplane mux classify . --attribute 'size(object.key)=5MiB'
  hotplane mux classify src --json
`,
  async run({ values, positionals, stdout, signal }) {
    const [{ classifySources }, { classificationJson, renderClassification }] = await Promise.all([
      import('../../autoscaler/mux/classify.ts'),
      import('../../autoscaler/mux/classify-report.ts'),
    ]);
    const options = { ...(await muxOptions(values)), entry: null };
    const rows = await classifySources(positionals, options, signal);
    stdout.write(values.flag('json') ? classificationJson(rows) : renderClassification(rows));
  },
};
