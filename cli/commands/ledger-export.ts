import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import { badArguments } from '../errors.ts';
import type { Command } from '../command.ts';

export const ledgerExportCommand: Command = {
  name: 'ledger export',
  summary: 'the ledgers as a provenance graph, or their calls as a trace',
  options: {
    ...LEDGER_OPTIONS,
    'prov-json': { summary: 'the graph, as PROV-JSON of the W3C' },
    trace: { summary: "the calls, as CSV that 'hotplane simulate --trace' reads" },
  },
  help: `
Records as activities (what was done) and entities (memory that somebody has), with their causes as
edges; warm reuse is an edge of type hp:warm-reuse.

With --trace a line for each call whose end is recorded: when it came, how long it ran, and the
memory of one instance of its function; the host is the application.

  hotplane ledger export --prov-json > graph.json
  hotplane ledger export --trace > calls.csv
`,
  async run(input) {
    const { runExport, runExportTrace } = await import('../../ledger/command.ts');
    const [prov, trace] = [input.values.flag('prov-json'), input.values.flag('trace')];
    if (prov === trace) throw badArguments('ledger export', 'name one format.');
    if (prov) runExport(ledgerInput(input));
    else runExportTrace(ledgerInput(input));
  },
};
