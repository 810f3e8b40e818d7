import { JSON_OPTION, type Command } from '../command.ts';

export const benchQueueCommand: Command = {
  name: 'bench queue',
  summary: 'measure what memory that is given back does to functions beside it, in real VMs',
  options: {
    churn: { value: 'SIZE', summary: 'what comes and goes beside the others', default: '2GiB' },
    calls: {
      value: 'N',
      summary: 'of each function in an arm that are to meet an unplug',
      default: '110',
    },
    cycles: { value: 'N', summary: 'how often it does so in each turn at most', default: '40' },
    minutes: { value: 'M', summary: 'longest time of all turns together', default: '60' },
    rounds: { value: 'R', summary: 'turns of every arm, in both directions', default: '2' },
    arms: {
      value: 'LIST',
      summary:
        'some of tokens, bypass, steps, yields, each of them with no- before it, all; off is ' +
        'always there',
    },
    price: {
      value: 'MS',
      summary: 'for bypass: work that a GiB held for a second is worth',
      default: '1000',
    },
    seed: { value: 'N', summary: 'of the stretches of quiet time', default: '1' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    out: { value: 'DIR', summary: 'keep the result there, as queue.json' },
    json: JSON_OPTION,
  },
  help: `
One function fills the memory of four instances, ends and gives it back, again and again; three
others are called meanwhile: calls of 4, 12 and 40 ms, by work that is counted. What they take while
an unplug is under way is set against what they take in quiet time, in the same VMs.

Each arm is an agent of its own with some of the ideas by which the queue of operations protects
neighbours: tokens (few large unplugs at once, fewer where others are slowed down), bypass (none
that would not pay), steps (of 128 MiB, with others in between) and yields (behind all else on the
CPUs while nobody waits). Without any, each alone, each left out, all; every second round runs
backwards. A turn lasts until each function had its part of --calls that met an unplug, and as many
that met quiet time: a p99 needs 100 of both.

Prints p50, p95 and p99 of each function against quiet time, the worst slowdown, the weighted
speed-up, GiB given back in a second, and the longest wait of any operation for its turn. It takes
--minutes at most, and half a minute for each turn at least under TCG; guest images are built first
when they are not there. The host needs the size and two GiB more.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench queue --churn 512MiB --cycles 2 --rounds 1 --arms all
  hotplane bench queue --arms tokens,bypass,steps,yields,all --minutes 15 --out bench-queue-1
`,
  async run({ values, stdout, stderr, signal }) {
    const { runQueueBench } = await import('../../bench/queue/command.ts');
    return await runQueueBench({
      options: {
        churn: values.text('churn'),
        calls: values.text('calls'),
        cycles: values.text('cycles'),
        minutes: values.text('minutes'),
        rounds: values.text('rounds'),
        arms: values.optional('arms'),
        price: values.text('price'),
        seed: values.text('seed'),
      },
      folder: values.optional('out'),
      strict: values.flag('strict'),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};
