import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';

export const ledgerLineageCommand: Command = {
  name: 'ledger lineage',
  summary: 'who had a region, one after the other',
  positionals: ['REGION'],
  options: { ...LEDGER_OPTIONS },
  help: `
Every holder of the region, the invocations that ran in its memory (and which of them found what
others had left there), and whether VMM and host had nothing left of it before the next holder came.
REGION is named with its VM (vm1/r0); 'r0' is that of every VM, and with several ledgers a host may
stand before it (host:vm1/r0).

  hotplane ledger lineage vm1/r0
`,
  async run(input) {
    const { runLineage } = await import('../../ledger/command.ts');
    runLineage(ledgerInput(input), input.positionals[0] ?? '');
  },
};
