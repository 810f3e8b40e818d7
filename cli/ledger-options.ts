/** What all commands on ledgers have in common. */
import { join } from 'node:path';
import { runtimeDir } from '../base/paths.ts';
import type { LedgerInput } from '../ledger/command.ts';
import { type CommandInput, JSON_OPTION, type OptionSpec } from './command.ts';

/** Where an agent keeps it unless told otherwise. */
export const USUAL_LEDGER = join(runtimeDir(), 'state', 'ledger');

export const LEDGER_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ledger: {
    value: 'DIR',
    summary: 'folder of a ledger; several are joined',
    default: USUAL_LEDGER,
    default_is_told: true,
    multiple: true,
  },
  json: JSON_OPTION,
};

export function ledgerInput({ values, stdout }: CommandInput): LedgerInput {
  const given = values.list('ledger');
  return { folders: given.length > 0 ? given : [USUAL_LEDGER], json: values.flag('json'), stdout };
}
