import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';

export const ledgerDenialsCommand: Command = {
  name: 'ledger denials',
  summary: 'what was not granted, and why',
  options: { ...LEDGER_OPTIONS },
  help: `
Every start, growth, deploy and call that was denied, with what led to it and who had asked.

  hotplane ledger denials --json
`,
  async run(input) {
    const { runDenials } = await import('../../ledger/command.ts');
    runDenials(ledgerInput(input));
  },
};
