import { badValue } from '../errors.ts';
import { JSON_OPTION, type Command } from '../command.ts';

const FORMATS = ['csv', 'parquet'] as const;

export const resultsExportCommand: Command = {
  name: 'results export',
  summary: 'write the lines of a result folder as CSV or Parquet',
  positionals: ['DIR'],
  options: {
    out: { value: 'DIR', summary: 'where to; its files must not be there yet' },
    format: { value: 'NAME', summary: 'csv or parquet', default: 'csv', choices: FORMATS },
    json: JSON_OPTION,
  },
  help: `
Writes operations, invocations, memory and load, a file each, with the fields of the result format
as columns. What is not known is empty in CSV and null in Parquet; whole numbers are INT64 there,
others DOUBLE, lists JSON. Folders of 'hotplane replay' and of 'hotplane simulate'.

Examples:
  hotplane results export out --out tables
  hotplane results export out --format parquet --out tables
  python3 -c 'import pandas; print(pandas.read_parquet("tables/operations.parquet").describe())'
`,
  async run({ values, positionals: [folder = ''], stdout, signal }) {
    const [{ exportTables }, { jsonDocument }] = await Promise.all([
      import('../../autoscaler/results/export.ts'),
      import('../../base/json.ts'),
    ]);
    const out = values.optional('out');
    if (out === undefined) throw badValue('out', '', 'a folder');
    const files = await exportTables(folder, out, values.choice('format', FORMATS), signal);
    const lines = files.map(({ path, rows }) => `${path}: ${rows} rows\n`);
    stdout.write(values.flag('json') ? jsonDocument({ files }) : lines.join(''));
  },
};
