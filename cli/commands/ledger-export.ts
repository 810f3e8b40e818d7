import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import { badArguments } from '../errors.ts';
import type { Command } from '../command.ts';

export const ledgerExportCommand: Command = {
  name: 'ledger export',
  summary: 'the ledgers as a provenance graph',
  options: {
    ...LEDGER_OPTIONS,
    'prov-json': { summary: 'as PROV-JSON of the W3C, the one format there is' },
  },
  help: `
Records as activities (what was done) and entities (memory that somebody has), with their causes as
edges; warm reuse is an edge of type hp:warm-reuse.

  hotplane ledger export --prov-json > graph.json
`,
  async run(input) {
    const { runExport } = await import('../../ledger/command.ts');
    if (!input.values.flag('prov-json'))
      throw badArguments('ledger export', 'no format was named.');
    runExport(ledgerInput(input));
  },
};
