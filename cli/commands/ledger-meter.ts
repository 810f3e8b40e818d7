import { ledgerInput, LEDGER_OPTIONS } from '../ledger-options.ts';
import type { Command } from '../command.ts';
import { badValue } from '../errors.ts';
import type { LedgerCalls } from '../../ledger/calls.ts';
import type { PolicyOutcome } from '../../ledger/policy-costs.ts';
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
    'what-if': {
      value: 'POLICIES',
      summary: 'what others would have cost: grow-only,fixed-keep-alive:60,...',
    },
  },
  help: `
Integrals of what the records say, exactly: memory in use up to what instances began with
(guaranteed) and above it, plugged and nobody's (pool), held by idle instances, boot memory; with
the bound of the error (changes under way), held against what the host's kernel saw. 'static' is
what it would have been with every region plugged as long as its VM was there, 'oracle' a lower
bound: memory while something ran in it.

A price file: {"currency":"EUR","guaranteed":1e-5,"above_baseline":2e-5,"pool":0,"boot":1e-6}

--what-if plays the calls again, each function by itself and with memory enough, under grow-only
(what is plugged once stays), fixed-keep-alive:SECONDS, oldest-first:SECONDS, batched:SECONDS,
hybrid-histogram, sliding-window or knative: simulated, with the recorded medians of plug, unplug,
start and stop; with a price file also what that would have cost.

  hotplane ledger meter --what-if grow-only,fixed-keep-alive:60,hybrid-histogram
  hotplane ledger meter --format csv --from 2026-01-31T00:00:00Z --prices prices.json
`,
  async run(input) {
    const { runMeter } = await import('../../ledger/command.ts');
    const { values } = input;
    const what_if = values.optional('what-if');
    if (what_if !== undefined && values.text('format') !== 'table') {
      throw badValue('what-if', what_if, 'it with --format table or --json alone');
    }
    runMeter({
      ...ledgerInput(input),
      format: values.choice('format', METER_FORMATS),
      from: values.optional('from'),
      to: values.optional('to'),
      prices: values.optional('prices'),
      play: what_if === undefined ? null : await playerOf(what_if),
    });
  },
};

/** Throws HP_CLI_BAD_VALUE for a policy that cannot be played. */
async function playerOf(text: string): Promise<(calls: LedgerCalls) => PolicyOutcome[]> {
  const { playCalls } = await import('../ledger-what-if.ts');
  const { whatIfPolicy, WHAT_IF_POLICIES } = await import('../../autoscaler/simulator/what-if.ts');
  const policies = text.split(',').map((name) => {
    const policy = whatIfPolicy(name);
    if (policy) return policy;
    const wanted = `some of ${WHAT_IF_POLICIES.join(', ')}; :SECONDS where they keep alive`;
    throw badValue('what-if', name, wanted);
  });
  return (calls) => playCalls(calls, policies);
}
