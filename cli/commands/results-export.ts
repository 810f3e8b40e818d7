import { badValue } from '../errors.ts';
import { JSON_OPTION, type Command } from '../command.ts';

export const resultsExportCommand: Command = {
  name: 'results export',
  summary: 'write the lines of a result folder as CSV',
  positionals: ['DIR'],
  options: {
    out: { value: 'DIR', summary: 'where to; its files must not be there yet' },
    json: JSON_OPTION,
  },
  help: `
Writes operations.csv, invocations.csv, memory.csv and load.csv with the fields of the result format
as columns; what is not known is empty. Folders of 'hotplane replay' and of 'hotplane simulate'.

Example:
  hotplane results export out --out tables
`,
  async run({ values, positionals: [folder = ''], stdout, signal }) {
    const [{ exportCsv }, { jsonDocument }] = await Promise.all([
      import('../../autoscaler/results/export.ts'),
      import('../../base/json.ts'),
    ]);
    const out = values.optional('out');
    if (out === undefined) throw badValue('out', '', 'a folder');
    const files = await exportCsv(folder, out, signal);
    const lines = files.map(({ path, rows }) => `${path}: ${rows} rows\n`);
    stdout.write(values.flag('json') ? jsonDocument({ files }) : lines.join(''));
  },
};
