import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';

export const ledgerWhyCommand: Command = {
  name: 'ledger why',
  summary: 'what led to an operation, an instance or an answer',
  positionals: ['NAME'],
  options: { ...LEDGER_OPTIONS },
  help: `
The last word on it, the nearest thing that went wrong and led to it, who asked, and every record
before it, the nearest first. NAME is an operation (op7), an instance (i3), an invocation by its
caller's name of it, a request of the agent (q5), a VM, or a record ('#17').

  hotplane ledger why op7
`,
  async run(input) {
    const { runWhy } = await import('../../ledger/command.ts');
    runWhy(ledgerInput(input), input.positionals[0] ?? '');
  },
};
