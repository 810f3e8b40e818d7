import { JSON_OPTION, type Command } from '../command.ts';
import { DAGS_OPTIONS, dagsOf } from '../dags-options.ts';

export const traceDagsCommand: Command = {
  name: 'trace dags',
  summary: 'make a trace of calls of DAGs, drawn from what is published of them',
  options: {
    ...DAGS_OPTIONS,
    out: { value: 'FILE', summary: 'where it goes, as JSON lines', required: true },
    json: JSON_OPTION,
  },
  help: `
Nothing of a made trace was recorded: its first line says so, with seed and parameters. Then come a
line for each function, each DAG, and each call with how long every stage of it runs.

Drawn from published tables: shapes (ORION, OSDI 2022: 56 % of DAGs have two functions, 87 % at most
four), how long functions run, their memory and how often applications are called (Azure 2019),
gaps between calls (Azure 2021: most are shorter than a second, few longer than a minute). Every DAG
is an application, every stage a function of its own. The deadline is --slack times the path that
takes longest, by the means of its functions. How much runs differ (--spread) is chosen.

Example:
  hotplane trace dags --dags 60 --hours 12 --out dags.jsonl
`,
  async run({ values, stdout, signal }) {
    const [{ generateDags }, { dagTraceLines }, { writeLines }, { jsonDocument }] =
      await Promise.all([
        import('../../autoscaler/trace/dags/generate-dags.ts'),
        import('../../autoscaler/trace/dags/dag-trace.ts'),
        import('../../autoscaler/trace/write-lines.ts'),
        import('../../base/json.ts'),
      ]);
    const trace = generateDags(dagsOf(values));
    const { length } = trace.calls;
    const out = values.text('out');
    await writeLines(out, dagTraceLines(trace), signal);
    const { head, dags, functions } = trace;
    const what = `${length} calls of ${dags.length} DAGs of ${functions.length} functions`;
    stdout.write(values.flag('json') ? jsonDocument(head) : `${what} in ${out}\n`);
  },
};
