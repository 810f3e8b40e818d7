/** Keys of the agent's configuration about NUMA nodes of its host. */
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { NODE_LIMITS, wholeBetween } from './kinds.ts';

export const NODE_KEYS = [
  {
    name: 'host_node',
    kind: wholeBetween('N', 0, HOST_NODE_MAX),
    doc: 'host NUMA node for memory of VMs that is bound to no other',
    default: null,
    otherwise: 'any',
  },
  {
    name: 'node_limits',
    kind: NODE_LIMITS,
    doc: 'parts of host_limit for functions that name a host NUMA node: NODE=SIZE each',
    default: null,
    otherwise: 'none: no function can name one',
  },
];
