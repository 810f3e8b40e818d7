import { JSON_OPTION, type Command } from '../command.ts';

export const benchCoreCommand: Command = {
  name: 'bench core',
  summary: "measure what one decision of the agent's core costs",
  options: {
    against: { value: 'DIR', summary: 'measure the core of another checkout too, in turns' },
    rounds: { value: 'B', summary: 'times every figure is taken, in changed order (default: 9)' },
    short: { summary: 'see whether it works, in seconds: its figures say nothing' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    json: JSON_OPTION,
  },
  help: `
Prints microseconds of CPU for one step of the core, (state, event, now) -> (state, actions), with
4, 256 and 1000 VMs of 24 regions, and with 0, 100 and 9000 invocations queued at one that is full.
A workload is played once on a host that answers at once, and its events are kept: cold and warm
invocations, plugs, keep-alive, stops, unplugs. Then the same steps are made again and again with
nothing between them. No VMM, guest, file or socket takes part, and no privileges are needed.

--against DIR measures the core of another checkout of the project (its sources) in the same
process, by turns, and prints how many times faster this one is: a ratio within one run, which says
more than two runs beside each other. CPU time is that of the process, collection of garbage
included. At most about 30 seconds: no further round is begun when the time is over.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench core
  hotplane bench core --against ../hotplane-before --json
`,
  async run({ values, stdout, stderr, signal }) {
    const { runCoreBenchCommand } = await import('../../bench/core/command.ts');
    const { readVersion } = await import('../../base/version.ts');
    return await runCoreBenchCommand({
      rounds: values.optional('rounds'),
      against: values.optional('against'),
      short: values.flag('short'),
      strict: values.flag('strict'),
      json: values.flag('json'),
      hotplane_version: await readVersion(),
      stdout,
      stderr,
      signal,
    });
  },
};
