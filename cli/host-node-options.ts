/** The agent's options about NUMA nodes of its host, held against the nodes that there are. */
import { agentError } from '../agent/model/errors.ts';
import { BOOT_BYTES_MIN } from '../agent/model/spec.ts';
import { budgetOf, type NodeLimit, parseNodeLimits } from '../agent/model/tiers.ts';
import { formatBytes } from '../base/units.ts';
import {
  HOST_NODE_MAX,
  type HostNodeReader,
  readHostNodes,
  requireHostNode,
} from '../hypervisor-client/host/host-nodes.ts';
import type { Values } from './values.ts';

/** Where memory comes from that has no node of its own. Throws HP_VMM_NO_HOST_NODE. */
export function hostNode(values: Values, read: HostNodeReader = readHostNodes): number | null {
  if (values.optional('host-node') === undefined) return null;
  const node = values.whole('host-node', 0, HOST_NODE_MAX);
  requireHostNode('--host-node', node, read());
  return node;
}

/**
 * Parts of the limit that nodes have. Throws HP_VMM_NO_HOST_NODE for one that the host does not
 * have, HP_AGENT_HOST_LIMIT where it, or the host limit, has less.
 */
export function nodeLimitsOf(
  values: Values,
  host_limit_bytes: number,
  read: HostNodeReader = readHostNodes,
): readonly NodeLimit[] {
  const limits = parseNodeLimits(values.optional('node-limits') ?? '') ?? [];
  if (limits.length === 0) return limits;
  const nodes = read();
  for (const { node, bytes } of limits) {
    requireHostNode('--node-limits', node, nodes);
    const total_bytes = nodes.find((one) => one.node === node)?.total_bytes ?? null;
    if (total_bytes === null || bytes <= total_bytes || values.flag('overcommit')) continue;
    throw agentError(
      'HP_AGENT_HOST_LIMIT',
      `--node-limits gives ${formatBytes(bytes)} of host node ${node}, which has ` +
        `${formatBytes(total_bytes)}.`,
      { details: { node, bytes, total_bytes } },
    );
  }
  const { host } = budgetOf(host_limit_bytes, limits);
  const least_bytes = BOOT_BYTES_MIN + values.bytes('vmm-overhead');
  if (host >= least_bytes) return limits;
  throw agentError(
    'HP_AGENT_HOST_LIMIT',
    `--node-limits leave ${formatBytes(Math.max(0, host))} of the host limit of ` +
      `${formatBytes(host_limit_bytes)}, and a VM takes ${formatBytes(least_bytes)} beside regions.`,
    { next: 'give nodes less, or raise --host-limit.', details: { host_limit_bytes } },
  );
}
