import { JSON_OPTION, type Command } from '../command.ts';

export const benchElasticCommand: Command = {
  name: 'bench elastic',
  summary: 'measure memory that grows and shrinks while invocations run, in real VMs',
  options: {
    mechanism: { value: 'LIST', summary: 'measured beside static', default: 'hotmem' },
    instances: { value: 'N', summary: 'in one VM, at work at the same time', default: '4' },
    limit: { value: 'SIZE', summary: 'most memory of an instance', default: '512MiB' },
    baseline: { value: 'SIZE', summary: 'what it starts with', default: '64MiB' },
    increment: { value: 'SIZE', summary: 'one step of growth', default: '16MiB' },
    seconds: { value: 'S', summary: 'how long each series is played', default: '24' },
    rounds: { value: 'R', summary: 'times everything is played, in turns', default: '1' },
    series: {
      value: 'FILE',
      summary: 'a resources.json of AgentCgroup instead of made series; may be given again',
      multiple: true,
    },
    seed: { value: 'N', summary: 'of the made series', default: '1' },
    short: { summary: 'the first play alone: a minute or two, and too few waits for a p99' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    json: JSON_OPTION,
  },
  help: `
Starts an agent of its own, boots one VM for each mechanism, and plays courses of memory in all of
its instances at the same time: one that loads, splits, trains and validates, then 20 series that
are made from the seed, or those of --series. Each is played in the same time, and smaller where it
would not fit. static, which plugs all there can be, plays the same in turns with the others.

Prints what part of the plugged GiB s nobody used; growths, shrinks and waits; a wait in its parts:
from the guest's word to the agent, decided, sent, accepted, plugged, and whole by the word of the
guest's kernel; whether VMM, guest and host agree after every operation; and how fast the memory of
a finished phase is back against an idle region of that size, while a neighbour serves calls. The
agent's own share of a growth is measured once more with nothing beside the agent, over models of
VMs, for beside emulated CPUs it mostly waits for a CPU; how long is told, too.
About five minutes with the defaults under TCG; guest images are built first when they are not
there.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench elastic --short
  hotplane bench elastic --increment 64MiB --rounds 2 --json
`,
  async run({ values, stdout, stderr, signal }) {
    const { runElasticBench } = await import('../../bench/elastic/command.ts');
    const { measureGrowthAlone } = await import('../../bench/agent/growth.ts');
    const text = (name: string): string => values.text(name);
    return await runElasticBench({
      options: {
        mechanism: text('mechanism'),
        instances: text('instances'),
        limit: text('limit'),
        baseline: text('baseline'),
        increment: text('increment'),
        seconds: text('seconds'),
        rounds: text('rounds'),
        seed: text('seed'),
        short: values.flag('short'),
      },
      series: values.list('series'),
      measureAlone: measureGrowthAlone,
      strict: values.flag('strict'),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};
