/** The guest's NUMA nodes of regions: boot memory of each, and how far apart they are. Pure. */
import { DEVICE_BLOCK_BYTES, MIB, roundUp } from '../../base/units.ts';

/** Guests drop smaller nodes (less than 4 MiB on older kernels) or are short of memory there. */
const NODE_BOOT_BYTES_MIN = 16 * MIB;
/**
 * For what the kernel puts there beside the memory map. Some of it, as the buffers of pipes, may
 * come from nowhere else when a cpuset holds its process to the node, and region memory is movable
 * only.
 */
const NODE_KERNEL_BYTES = 8 * MIB;
/** A `struct page` (64 bytes) for each 4 KiB. */
const MAP_DIVISOR = 64;

/**
 * Boot memory of a guest node whose regions have `regions_bytes` together. The kernel takes the map
 * of a region from the region's node as long as that has memory: what is left must be enough.
 */
export function nodeBootBytes(regions_bytes: number): number {
  const wanted_bytes = NODE_KERNEL_BYTES + regions_bytes / MAP_DIVISOR;
  return Math.max(NODE_BOOT_BYTES_MIN, roundUp(wanted_bytes, DEVICE_BLOCK_BYTES));
}

/** From any node to node 0, and back: what firmware tells where nobody says. */
export const NEAR_NODE = 20;
/**
 * From one node of regions to another. Memory that leaves a node, as a file does that outlives the
 * region it was written in, goes to the next node that has room, and Linux takes one without CPUs
 * for the next one where all are as far. It must be node 0: in the boot memory of another region's
 * node it would stay, and an instance held to that node would have nothing to begin with before
 * its region is plugged.
 */
export const FAR_NODE = 40;
