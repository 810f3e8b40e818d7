import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';

export const ledgerWhoCommand: Command = {
  name: 'ledger who',
  summary: 'who had which memory at a time',
  options: {
    ...LEDGER_OPTIONS,
    at: {
      value: 'TIME',
      summary: 'as 2026-01-31T12:00:00Z, or ms of the monotonic clock; absent: the end',
    },
  },
  help: `
Every region and VM that had something then: its function, instance, invocation, size and permit.

  hotplane ledger who --at 2026-01-31T12:00:00Z
`,
  async run(input) {
    const { runWho } = await import('../../ledger/command.ts');
    runWho(ledgerInput(input), input.values.optional('at'));
  },
};
