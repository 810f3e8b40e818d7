import { JSON_OPTION, type Command } from '../command.ts';

export const simulateTiersCommand: Command = {
  name: 'simulate tiers',
  summary: 'how much local memory functions need beside remote memory, in several ways to choose',
  options: {
    table: { value: 'FILE', summary: 'latencies by share, as JSON (default: modelled ones)' },
    accesses: {
      value: 'FILE|DIR',
      summary: "counted accesses, as JSON or the folder of a 'profile run --accesses'",
    },
    penalty: { value: 'NS', summary: 'of a line of remote memory, stated', default: '100' },
    slack: {
      value: 'FACTOR',
      summary: 'an SLO is so many times what a call takes with all memory local',
      default: '1.3',
    },
    span: { value: 'S', summary: 'calls of so much are played', default: '3600' },
    'keep-alive': { value: 'S', summary: 'idle instances', default: '60' },
    deviations: { value: 'Z', summary: 'instances beyond the mean, as a pool', default: '2.33' },
    seed: { value: 'N', summary: 'of the arrivals', default: '1' },
    json: JSON_OPTION,
  },
  help: `
Each kind of call (function and input) has a table: what it takes with a share of 0 to 1 of its
instance's memory local. Shares are compared that no other one beats in latency and in local memory
of ALL instances, whose number follows from rate and latency (l T + z sqrt(l T)); chosen is the one
with the least local memory that keeps the SLO. Beside it stands what a choice by one instance alone
would take, and one share for all.

Printed is simulated. Latencies are modelled from a stated penalty, and from accesses that were
counted (--accesses) or stated ones; or they are measured (--table). Every output says which. The
formats of both files: docs/tiers.md.

Examples:
  hotplane simulate tiers
  hotplane simulate tiers --penalty 250 --json
`,
  async run({ values, stdout }) {
    const { runSimulateTiers } = await import('../../autoscaler/simulator/tiers/command.ts');
    await runSimulateTiers({
      table: values.optional('table') ?? null,
      accesses: values.optional('accesses') ?? null,
      penalty_ns: values.number('penalty', 0, 1e6),
      slack: values.number('slack', 1, 1_000),
      span_s: values.number('span', 1, 86_400),
      keep_alive_s: values.number('keep-alive', 0, 86_400),
      deviations: values.number('deviations', 0, 10),
      seed: values.whole('seed', 0, 2_147_483_647),
      json: values.flag('json'),
      stdout,
    });
  },
};
