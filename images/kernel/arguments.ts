/** The kernel arguments of a guest. Pure: the same options give the same arguments. */
import { assert } from '../../base/assert.ts';

export interface GuestKernelOptions {
  /**
   * Which virtio-mem devices become partitions: none, all, all of them N each (1 to 64), or those
   * of these PCI addresses, where `ADDRESS/N` splits one into N. Others stay ordinary regions.
   */
  readonly partitions: 'none' | 'all' | number | readonly string[];
  /** Zero pages when they are allocated. */
  readonly init_on_alloc: boolean;
  /** Huge pages for all anonymous memory; without it only where a program asks (madvise). */
  readonly guest_huge_pages: boolean;
}

/** HOTMEM_PARTS_MAX of the series. */
const PARTITIONS_MAX = 64;
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
    ...partitionArguments(options),
  ];
}

function partitionArguments({ partitions }: GuestKernelOptions): readonly string[] {
  if (partitions === 'none') return [];
  if (partitions === 'all' || partitions === 1) return ['hotmem=all'];
  if (typeof partitions === 'number') {
    const count = partitions;
    assert(Number.isInteger(count) && count > 1 && count <= PARTITIONS_MAX, `1 to 64: ${count}`);
    return [`hotmem=all/${count}`];
  }
  assert(partitions.length > 0, 'partitions need at least one device');
  for (const address of partitions) {
    assert(PARTITION_DEVICE.test(address), `not ADDRESS or ADDRESS/N: ${address}`);
  }
  return [`hotmem=${partitions.join(',')}`];
}
