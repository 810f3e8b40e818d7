/** The kernel arguments of a guest. Pure: the same options give the same arguments. */
import { assert } from '../../base/assert.ts';

export type GuestMechanism = 'hotmem' | 'numa' | 'virtio-mem' | 'balloon' | 'static';

export interface GuestKernelOptions {
  readonly mechanism: GuestMechanism;
  /** Zero pages when they are allocated. */
  readonly init_on_alloc: boolean;
  /** Huge pages for all anonymous memory; without it only where a program asks (madvise). */
  readonly guest_huge_pages: boolean;
  /**
   * PCI addresses of the devices that become partitions, for `hotmem`; `ADDRESS/N` splits one into
   * N. Default: every virtio-mem device. Others stay ordinary regions.
   */
  readonly hotmem_devices?: 'all' | readonly string[];
}

const PARTITION_DEVICE = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](\/([1-9]|[1-5]\d|6[0-4]))?$/;

/**
 * Memory must go online in the movable zone by the kernel itself: else stock unplug cannot move
 * what the kernel put there, and nobody else would put it online. A panic ends the VM at once.
 */
export function guestKernelArguments(options: GuestKernelOptions): readonly string[] {
  return [
    'panic=-1',
    'memhp_default_state=online_movable',
    `init_on_alloc=${options.init_on_alloc ? 1 : 0}`,
    `transparent_hugepage=${options.guest_huge_pages ? 'always' : 'madvise'}`,
    ...hotmemArguments(options),
  ];
}

function hotmemArguments(options: GuestKernelOptions): readonly string[] {
  if (options.mechanism !== 'hotmem') return [];
  const devices = options.hotmem_devices ?? 'all';
  if (devices === 'all') return ['hotmem=all'];
  assert(devices.length > 0, 'hotmem needs at least one device');
  for (const address of devices) {
    assert(PARTITION_DEVICE.test(address), `not ADDRESS or ADDRESS/N: ${address}`);
  }
  return [`hotmem=${devices.join(',')}`];
}
