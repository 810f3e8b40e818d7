import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';
import { METER_FORMATS } from '../../ledger/meter-text.ts';

export const ledgerMeterCommand: Command = {
  name: 'ledger meter',
  summary: 'what each function had of memory, times how long',
  options: {
    ...LEDGER_OPTIONS,
    format: {
      value: 'FORMAT',
      summary: 'how it is printed',
      default: 'table',
      choices: METER_FORMATS,
    },
    from: { value: 'TIME', summary: 'metered from then on; absent: from the first record' },
    to: { value: 'TIME', summary: 'metered until then; absent: to the last record' },
    prices: { value: 'FILE', summary: 'JSON with prices for a GiB s' },
  },
  help: `
Integrals of what the records say, exactly: memory in use up to what instances began with
(guaranteed) and above it, plugged and nobody's (pool), held by idle instances, boot memory; with
the bound of the error (changes under way), held against what the host's kernel saw. 'static' is
what it would have been with every region plugged as long as its VM was there, 'oracle' a lower
bound: memory while something ran in it.

A price file: {"currency":"EUR","guaranteed":1e-5,"above_baseline":2e-5,"pool":0,"boot":1e-6}

  hotplane ledger meter --format csv --from 2026-01-31T00:00:00Z --prices prices.json
`,
  async run(input) {
    const { runMeter } = await import('../../ledger/command.ts');
    const { values } = input;
    runMeter({
      ...ledgerInput(input),
      format: values.choice('format', METER_FORMATS),
      from: values.optional('from'),
      to: values.optional('to'),
      prices: values.optional('prices'),
    });
  },
};
