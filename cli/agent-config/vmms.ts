/** How the agent starts VMMs, by its configuration. */
import { resolve } from 'node:path';
import { agentError } from '../../agent/model/errors.ts';
import { ourUid } from '../../base/safe-path.ts';
import { ourName } from '../../base/users.ts';
import { DRIVERS, type HypervisorOptions } from '../../hypervisor-client/drivers.ts';
import type { HostNodeReader } from '../../hypervisor-client/host/host-nodes.ts';
import type { UidRange } from '../../hypervisor-client/lifecycle/vmm-users.ts';
import { badValue } from '../errors.ts';
import { hostNode } from '../host-node-options.ts';
import type { Values } from '../values.ts';
import { parseUidRange } from './kinds.ts';

/**
 * How to start VMMs. Throws HP_AGENT_VMM_USERS when they cannot have users of their own, and
 * HP_CLI_BAD_VALUE where accesses are to be counted that nobody would count.
 */
export function vmmOptions(
  values: Values,
  cgroup_root: string | null,
  onWarning: (text: string) => void,
  readNodes?: HostNodeReader,
): HypervisorOptions {
  const qemu = values.optional('qemu');
  const cloud_hypervisor = values.optional('cloud-hypervisor');
  const host_numa_node = hostNode(values, readNodes);
  const accesses = accessPlugin(values);
  const common = { cgroup_root, uids: vmmUids(values), onWarning };
  return {
    qemu: { ...common, host_node: host_numa_node, accesses, ...(qemu ? { program: qemu } : {}) },
    cloud_hypervisor: {
      ...common,
      host_numa_node,
      landlock: values.flag('landlock'),
      ...(cloud_hypervisor ? { command: [cloud_hypervisor] } : {}),
    },
  };
}

/** Null: VMMs run as we do. To become others, and to look after them then, takes root. */
function vmmUids(values: Values): UidRange | null {
  const uids = parseUidRange(values.optional('vmm-uids') ?? '');
  if (uids === null || ourUid() === 0) return uids;
  const message = `--vmm-uids takes root, and this agent runs as ${ourName()}.`;
  throw agentError('HP_AGENT_VMM_USERS', message);
}

/** What counts accesses of guests, where the VMM is named and can; null: nothing does. */
function accessPlugin(values: Values): { readonly path: string } | null {
  const path = values.optional('count-accesses');
  if (path === undefined) return null;
  if (DRIVERS.find(values.text('vmm'))?.counts_accesses) return { path: resolve(path) };
  const able = DRIVERS.all.filter((one) => one.counts_accesses).map(({ name }) => name);
  throw badValue('count-accesses', path, `'--vmm ${able.join(' or ')}' with it`);
}
