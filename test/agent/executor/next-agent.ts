/** What an agent on a simulated host goes on with after the one before it. */
import { pino } from 'pino';
import { earlierState } from '../../../agent/adopt/earlier.ts';
import type { HostAgentOptions } from '../../../agent/executor/host-options.ts';
import type { StateFile } from '../../../agent/store/state-file.ts';
import type { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';

/** What every agent of such a host is made of, beside clock, hypervisor and memory. */
export const QUIET_PARTS = {
  images: FAKE_IMAGES,
  log: pino({ level: 'silent' }),
  vms_dir: '/nonexistent/vms',
  version: 'test',
} as const;

interface Before {
  readonly path: string;
  readonly host_limit_bytes: number;
  readonly bounds?: HostAgentOptions['bounds'];
}

/** The state in the store with all VMs that live; empty where there was no agent before. */
export function earlierIn(
  store: StateFile,
  hypervisor: FakeHypervisor,
  { path, host_limit_bytes, bounds = {} }: Before,
): Pick<HostAgentOptions, 'earlier'> {
  const state = earlierState(store, { path, host_limit_bytes, facts: bounds, first_id: 1 });
  const vms = hypervisor.alive().map((vm) => {
    const left = { takeUp: async () => await Promise.resolve(vm), end: () => vm.shutdown() };
    return [vm.id, left] as const;
  });
  return state ? { earlier: { state, vms: new Map(vms) } } : {};
}
