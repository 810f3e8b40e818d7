/** A whole simulated host: the real agent over a fake hypervisor and a fake clock. */
import { pino } from 'pino';
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import type { HostAgentOptions } from '../../agent/executor/host-options.ts';
import type { GuestImages } from '../../agent/executor/images.ts';
import { GIB } from '../../base/units.ts';
import { FakeClock } from './clock.ts';
import {
  type FakeFaults,
  FakeHypervisor,
  type FakeOptions,
  NO_FAULTS,
} from '../../agent/testing/fake-hypervisor.ts';

export const FAKE_IMAGES: GuestImages = {
  imageFor: async () => ({
    kernel_path: '/nonexistent/kernel',
    initrd_path: '/nonexistent/initrd',
    kernel_arguments: [],
  }),
};

export interface FakeHost {
  readonly clock: FakeClock;
  readonly hypervisor: FakeHypervisor;
  readonly agent: HostAgent;
  readonly log: string[];
}

export function fakeHost(
  faults: Partial<FakeFaults> = {},
  host_limit_bytes: number = 8 * GIB,
  options: FakeOptions = {},
  policy: Policy = DEFAULT_POLICY,
  parts: Partial<
    Pick<HostAgentOptions, 'bounds' | 'clear_plugged' | 'images' | 'policies' | 'populate_plugged'>
  > = {},
): FakeHost {
  const clock = new FakeClock();
  const hypervisor = new FakeHypervisor(clock, { ...NO_FAULTS, ...faults }, options);
  const log: string[] = [];
  const agent = new HostAgent({
    clock,
    hypervisor,
    images: FAKE_IMAGES,
    log: pino({ level: 'debug' }, { write: (line: string) => log.push(line) }),
    host_limit_bytes,
    vms_dir: '/nonexistent/vms',
    version: 'test',
    policy,
    ...parts,
  });
  return { clock, hypervisor, agent, log };
}
