/**
 * The VMMs there are drivers for: one line each. A driver is loaded when it is opened, so that who
 * only asks for the names pays nothing for all of them.
 */
import { Registry } from '../base/registry.ts';
import type { CloudHypervisorDriverOptions } from './cloud-hypervisor/driver/driver.ts';
import type { QemuOptions } from './qemu/driver.ts';
import type { Hypervisor } from './vm.ts';

/** What a driver may be told; each takes its own part. */
export interface HypervisorOptions {
  readonly cloud_hypervisor?: CloudHypervisorDriverOptions;
  readonly qemu?: QemuOptions;
}

export interface Driver {
  /** As in `--vmm`, and as {@link Hypervisor.kind} says it. */
  readonly name: string;
  /** Does not look whether the VMM is installed: `probe()` does that. */
  readonly open: (options: HypervisorOptions) => Promise<Hypervisor>;
  /** It can count what guests do with their memory; absent: it cannot. */
  readonly counts_accesses?: boolean;
}

const BUILT_IN = [
  { name: 'cloud-hypervisor', open: openCloudHypervisor },
  { name: 'qemu', open: openQemu, counts_accesses: true },
] as const satisfies readonly Driver[];

export type DriverName = (typeof BUILT_IN)[number]['name'];

/** In the order of preference of `auto`. */
export const DRIVERS = new Registry<Driver>('driver', BUILT_IN);

async function openCloudHypervisor({ cloud_hypervisor }: HypervisorOptions): Promise<Hypervisor> {
  const { CloudHypervisorDriver } = await import('./cloud-hypervisor/driver/driver.ts');
  return new CloudHypervisorDriver(cloud_hypervisor);
}

async function openQemu({ qemu }: HypervisorOptions): Promise<Hypervisor> {
  const { QemuDriver } = await import('./qemu/driver.ts');
  return new QemuDriver(qemu);
}
