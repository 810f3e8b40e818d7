import type { HostTier } from '../../agent/model/host-messages.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { jsonDocument } from '../../base/json.ts';
import { formatBytes } from '../../base/units.ts';
import type { HostNode } from '../../hypervisor-client/host/host-nodes.ts';
import type { NodeLatency } from '../../hypervisor-client/host/node-latency.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badValue } from '../errors.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { tableLines } from '../table.ts';
import { withAgent } from '../with-agent.ts';

/** What a node of this host has, was given, and costs. Null is unknown. */
interface TierRow {
  readonly node: number;
  readonly has_cpus: boolean;
  readonly total_bytes: number | null;
  readonly host_free_bytes: number | null;
  /** By the agent's book; null: it has no limit for the node, or there is no agent. */
  readonly limit_bytes: number | null;
  readonly granted_bytes: number | null;
  readonly free_bytes: number | null;
  readonly latency_ns: number | null;
  readonly latency_spread_ns: readonly [number, number] | null;
  readonly penalty_ns: number | null;
  readonly penalty_source: 'measured' | 'stated' | null;
}

async function run(input: CommandInput): Promise<void> {
  const { values, stdout } = input;
  if (values.text('socket').startsWith('tls:')) {
    throw badValue('socket', values.text('socket'), 'the socket of an agent on this host');
  }
  const stated = statedPenalties(values.list('penalty'));
  const { readHostNodes } = await import('../../hypervisor-client/host/host-nodes.ts');
  const nodes = readHostNodes();
  const budgets = await budgetsOf(input);
  const measured = values.flag('measure') ? await measure(nodes) : null;
  const rows = nodes.map((node) => rowOf(node, { budgets, measured, stated }));
  const agent = budgets !== null;
  const whole = budgets?.find(({ host_node }) => host_node === null) ?? null;
  if (values.flag('json')) {
    return void stdout.write(jsonDocument({ agent, any_node: whole, nodes: rows }));
  }
  if (rows.length === 0) return void stdout.write('this kernel tells no NUMA nodes\n');
  const lines = tableLines(COLUMNS, rows, stdout.isTTY === true ? (stdout.columns ?? 200) : 200);
  stdout.write(`${lines.join('\n')}\n`);
  if (!agent) return void stdout.write('no agent is there: limits are unknown\n');
  if (!whole) return;
  const { limit_bytes, granted_bytes } = whole;
  stdout.write(
    `of no node: ${formatBytes(granted_bytes)} of ${formatBytes(limit_bytes)} granted\n`,
  );
}

/** Null: no agent is there. */
async function budgetsOf(input: CommandInput): Promise<readonly HostTier[] | null> {
  try {
    return (await withAgent(input, (client, signal) => client.host({ signal }))).tiers;
  } catch (error) {
    if (isHotplaneError(error) && error.code === 'HP_AGENT_UNREACHABLE') return null;
    throw error;
  }
}

async function measure(nodes: readonly HostNode[]): Promise<readonly NodeLatency[] | null> {
  const near = nodes.find(({ has_cpus }) => has_cpus);
  if (!near) return null;
  const { measureNodes } = await import('../../hypervisor-client/host/node-latency.ts');
  const with_memory = nodes.filter(({ total_bytes }) => total_bytes !== 0);
  return await measureNodes(
    with_memory.map(({ node }) => node),
    near.node,
  );
}

/** `1=80` each: nanoseconds. */
function statedPenalties(words: readonly string[]): ReadonlyMap<number, number> {
  return new Map(
    words.map((word) => {
      const [, node, penalty_ns] = /^(\d{1,4})=(\d{1,6})$/.exec(word) ?? [];
      if (node === undefined) throw badValue('penalty', word, 'NODE=NS, like 1=80');
      return [Number(node), Number(penalty_ns)];
    }),
  );
}

interface Known {
  readonly budgets: readonly HostTier[] | null;
  readonly measured: readonly NodeLatency[] | null;
  readonly stated: ReadonlyMap<number, number>;
}

function rowOf(host: HostNode, { budgets, measured, stated }: Known): TierRow {
  const { node, has_cpus, total_bytes, free_bytes } = host;
  const budget = budgets?.find(({ host_node }) => host_node === node);
  const seen = measured?.find((one) => one.node === node);
  const nearest_ns = Math.min(...(measured ?? []).map(({ latency_ns }) => latency_ns));
  const said_ns = stated.get(node) ?? null;
  const penalty_ns = said_ns ?? (seen ? seen.latency_ns - nearest_ns : null);
  const source = said_ns === null ? 'measured' : 'stated';
  return {
    node,
    has_cpus,
    total_bytes,
    host_free_bytes: free_bytes,
    limit_bytes: budget?.limit_bytes ?? null,
    granted_bytes: budget?.granted_bytes ?? null,
    free_bytes: budget?.free_bytes ?? null,
    latency_ns: seen?.latency_ns ?? null,
    latency_spread_ns: seen ? [seen.least_ns, seen.most_ns] : null,
    penalty_ns,
    penalty_source: penalty_ns === null ? null : source,
  };
}

const size = (bytes: number | null): string => (bytes === null ? '-' : formatBytes(bytes));

const COLUMNS = [
  { title: 'NODE', text: ({ node }: TierRow) => String(node), is_figure: true },
  { title: 'CPUS', text: ({ has_cpus }: TierRow) => (has_cpus ? 'yes' : 'none') },
  { title: 'MEMORY', text: (row: TierRow) => size(row.total_bytes), is_figure: true },
  { title: 'UNUSED', text: (row: TierRow) => size(row.host_free_bytes), is_figure: true },
  { title: 'LIMIT', text: (row: TierRow) => size(row.limit_bytes), is_figure: true },
  { title: 'GRANTED', text: (row: TierRow) => size(row.granted_bytes), is_figure: true },
  { title: 'FREE', text: (row: TierRow) => size(row.free_bytes), is_figure: true },
  {
    title: 'LOAD',
    text: ({ latency_ns, latency_spread_ns: spread }: TierRow) =>
      latency_ns === null || !spread
        ? 'unknown'
        : `${latency_ns.toFixed(0)} ns (${spread.map((ns) => ns.toFixed(0)).join(' to ')})`,
  },
  {
    title: 'PENALTY',
    text: ({ penalty_ns, penalty_source: source }: TierRow) => {
      if (penalty_ns === null) return 'unknown';
      const is_nearest = penalty_ns === 0 && source === 'measured';
      return is_nearest ? 'none: the nearest' : `${penalty_ns.toFixed(0)} ns, ${source}`;
    },
  },
] as const;

export const tiersCommand: Command = {
  name: 'tiers',
  summary: 'list the NUMA nodes of this host: memory, limits, what is granted, what they cost',
  options: {
    socket: SOCKET_OPTION,
    measure: { summary: 'measure what a load from each takes: seconds, and 128 MiB of each' },
    penalty: {
      value: 'NODE=NS',
      summary: 'what a load from it takes beyond the nearest, where that is known otherwise',
      multiple: true,
    },
    json: JSON_OPTION,
  },
  help: `
MEMORY and UNUSED are the kernel's words of a node; LIMIT, GRANTED and FREE the agent's, of what it
may bind there (node_limits): '-' where it may bind nothing, or no agent is there. LOAD is one load
in a chain through 128 MiB of the node's memory, from CPUs of the first node that has some: median,
least and most of five interleaved rounds, in CPU time. PENALTY is what it takes beyond the nearest
node: measured with --measure, stated with --penalty, else unknown. A figure of a machine that is
busy says little.

  hotplane tiers --measure
  hotplane tiers --penalty 1=80 --json
`,
  run,
};
