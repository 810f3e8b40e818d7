/** Keys of the agent's configuration about how VMMs are started. */
import { pathCalled, UID_RANGE } from './kinds.ts';

export const VMM_KEYS = [
  {
    name: 'qemu',
    kind: pathCalled('PATH'),
    doc: 'the QEMU program',
    default: null,
    otherwise: '`qemu-system-x86_64`',
    variable_too: 'QEMU',
  },
  {
    name: 'cloud_hypervisor',
    kind: pathCalled('PATH'),
    doc: 'the Cloud Hypervisor program',
    default: null,
    otherwise: '`cloud-hypervisor`',
    variable_too: 'CLOUD_HYPERVISOR',
  },
  {
    name: 'cgroup',
    kind: pathCalled('DIR'),
    doc: 'cgroup v2 folder in which each VMM gets a memory limit; auto: the one given to the agent',
    default: 'off',
  },
  {
    name: 'vmm_uids',
    kind: UID_RANGE,
    doc: 'users, one for the VMM of each VM, that nobody else has; for an agent of root',
    default: null,
    otherwise: "VMMs run as the agent's user",
  },
];
