import { JSON_OPTION, type Command } from '../command.ts';

export const benchAgentCommand: Command = {
  name: 'bench agent',
  summary: 'measure what the agent itself costs, with VMs that do everything at once',
  options: {
    rounds: { value: 'B', summary: 'times every figure is taken, in changed order (default: 3)' },
    short: { summary: 'see whether it works, in seconds: its figures say nothing' },
    ledger: { summary: 'measure what a ledger costs instead: calls with it and without, in turn' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    out: { value: 'DIR', summary: 'keep the result there, as agent.json' },
    json: JSON_OPTION,
  },
  help: `
Runs the real agent as a process of its own, over a simulated VMM and guests that answer at once,
and calls it over its socket: warm calls with 1, 16 and 1000 of them open, cycles of plug and
unplug, with 8 and 192 regions; then 256 functions of 192 regions each, and up to 1000 VMs of 32
regions, at rest. A bare gRPC server is called in between: what a call takes beyond that is what the
agent adds. Needs no VMM, images or privileges, and takes about four minutes.

Each kind of call is made 3,000 times first, on a slow host fewer, so that what is measured was
compiled before. CPU time is that of the agent's process, user and system, for each call. How late
its event loop was and what it holds of the host's memory stand beside it. Figures of wall time are
not judged when others used the host meanwhile.

With --ledger two agents are called in turn, one with a ledger and one without, four short times a
round: how much more CPU time a call takes, and how much longer it is at p99. It is the median of
all pairs, with the interval in which 95 of 100 such medians lie; a promise is judged where all of
it lies on one side.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench agent
  hotplane bench agent --ledger --rounds 9
  hotplane bench agent --rounds 5 --json --out bench-agent-1
`,
  async run({ values, stdout, stderr, signal }) {
    const { runAgentBenchCommand } = await import('../../bench/agent/command.ts');
    const { readVersion } = await import('../../base/version.ts');
    return await runAgentBenchCommand({
      rounds: values.optional('rounds'),
      short: values.flag('short'),
      ledger: values.flag('ledger'),
      strict: values.flag('strict'),
      json: values.flag('json'),
      folder: values.optional('out'),
      hotplane_version: await readVersion(),
      stdout,
      stderr,
      signal,
    });
  },
};
