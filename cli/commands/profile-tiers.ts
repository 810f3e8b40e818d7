import { resolve } from 'node:path';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { HOST_NODE_MAX, readHostNodes } from '../../hypervisor-client/host/host-nodes.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badArguments, badValue } from '../errors.ts';
import { servedOptions, servedByOptions } from '../profile-targets.ts';
import { SOCKET_OPTION } from '../socket.ts';

/** Those that give an instance memory of its own, which can be on two nodes. */
const DIVIDED = MECHANISMS.names.filter((name) => {
  const { partitions, node_per_region } = MECHANISMS.get(name);
  return partitions || node_per_region;
});
const SHARES_MAX = 16;

/** Throws HP_CLI_BAD_VALUE. */
function sharesOf(text: string): number[] {
  const shares = text.split(',').map((one) => (one.trim() === '' ? Number.NaN : Number(one)));
  const are_shares = shares.every((one) => one >= 0 && one <= 1) && shares.length <= SHARES_MAX;
  if (are_shares && new Set(shares).size === shares.length && shares.includes(1)) return shares;
  throw badValue('shares', text, 'different numbers from 0 to 1, with 1 among them');
}

async function run(input: CommandInput): Promise<void> {
  const { values, positionals, argv, stdout, stderr, signal } = input;
  const [{ runProfileTiers }, { readWorkloadFile }] = await Promise.all([
    import('../../autoscaler/profile/tiers-command.ts'),
    import('../../autoscaler/profile/profile-plan.ts'),
  ]);
  const [path = ''] = positionals;
  const given = (name: string): boolean => values.optional(name) !== undefined;
  const nodeOf = (name: string): number => values.whole(name, 0, HOST_NODE_MAX);
  const is_own = values.flag('own-agent');
  const limits = values.optional('node-limits');
  if (is_own !== (limits !== undefined)) {
    const message =
      '--own-agent and --node-limits go together: what nodes have is said to an agent.';
    throw badArguments('profile tiers', message);
  }
  await runProfileTiers({
    path,
    read: await readWorkloadFile(path),
    shares: sharesOf(values.text('shares')),
    rounds: values.whole('rounds', 1, 100),
    slack: values.number('slack', 1, 1_000),
    near_node: given('host-node') ? nodeOf('host-node') : null,
    far_node: nodeOf('far-node'),
    host_nodes: readHostNodes().map(({ node }) => node),
    out: values.text('out'),
    seed: given('seed') ? values.whole('seed', 0, 2 ** 32 - 1) : null,
    targets: await servedByOptions(input),
    socket: is_own ? null : resolve(values.text('socket')),
    agent_options: limits === undefined ? [] : ['--node-limits', limits],
    json: values.flag('json'),
    argv,
    signal,
    stdout,
    stderr,
  });
}

export const profileTiersCommand: Command = {
  name: 'profile tiers',
  summary: 'what calls take with each share of near memory, measured: a table for tiers',
  positionals: ['WORKLOAD.json'],
  options: {
    'far-node': {
      value: 'N',
      summary: 'NUMA node of the host that the far part lies on',
      required: true,
    },
    'host-node': { value: 'N', summary: 'that the near part lies on (default: any)' },
    shares: {
      value: 'LIST',
      summary: 'of an instance that is near, each run once a round',
      default: '0,0.25,0.5,0.75,1',
    },
    rounds: {
      value: 'R',
      summary: 'so often each; every second the other way round',
      default: '2',
    },
    slack: {
      value: 'FACTOR',
      summary: 'an SLO is so many times what a call takes with all memory near',
      default: '1.3',
    },
    out: { value: 'DIR', summary: 'the archives of the runs, and tiers.json', default: 'tiers' },
    ...servedOptions(DIVIDED, 'hotmem'),
    'own-agent': { summary: 'start an agent for each run, and end it afterwards' },
    'node-limits': { value: 'LIST', summary: 'of that agent: what each node has, as 1=8GiB' },
    seed: { value: 'N', summary: 'of the arrivals, in place of random_seed' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Plays a workload file as 'profile run' does, once for each share in each round, with functions
whose instances have that share of their memory near and the rest on the far node (mechanisms
hotmem and numa). Every function is deployed for it: from a function.yaml, or from a size, for
which the built-in one stands in. A share is in whole blocks of 128 MiB; what instances had is
what is told.

The table has for each function and instance of the workload the median of its warm calls with
each share, from when an instance had a call until its end. It is what 'tiers: { share: auto,
table: tiers.json }' chooses from, and 'simulate tiers --table' plays. It is measured, and says
where; where near and far are the same memory (a host with one node) it says that no latency of a
remote node is in it, and where the host did other things meanwhile it says that. The archives are
those of 'profile run', one folder for each: the table is made of them alone.

Examples:
  hotplane profile tiers workload.json --far-node 1 --host-node 0 --function graph=graph.yaml
  hotplane profile tiers workload.json --far-node 1 --function graph=1GiB --shares 0.25,0.5,1 \\
    --own-agent --node-limits 1=16GiB --out measured
`,
  run,
};
