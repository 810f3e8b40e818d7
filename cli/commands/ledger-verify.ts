import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';

export const ledgerVerifyCommand: Command = {
  name: 'ledger verify',
  summary: 'check that a ledger is as it was written',
  options: {
    ...LEDGER_OPTIONS,
    head: { value: 'SEQ:HASH', summary: 'a head that was kept, or a file of them', multiple: true },
  },
  help: `
Checks every record against the hash of its predecessor, every segment against the one before, and
all of it against heads that somebody kept: those that 'hotplane status' and the metrics tell, or a
file that an agent writes with --ledger-heads. Without a head that was kept, a ledger whose tail was
cut, or that was written anew as a whole, looks like any other. Where heads are given, each ledger
has to meet one at least: else another may stand in its place.

Exit code 1, with the first bad record, when something is not as it was written.

  hotplane ledger verify --ledger /var/lib/hotplane/ledger --head /mnt/other/heads.jsonl
`,
  async run(input) {
    const { readHeads, runVerify } = await import('../../ledger/command.ts');
    runVerify(ledgerInput(input), readHeads(input.values.list('head')));
  },
};
