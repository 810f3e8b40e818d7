/** Which kernel a guest runs, by mechanism. Pure. */
import type { Mechanism } from '../model/spec.ts';

/**
 * The kernel of the mechanisms that need no patch: `series`, the one `hotmem` runs, its partitions
 * left off, so that one kernel serves all mechanisms; or `untouched`, as Linux is released.
 */
export const GUEST_KERNELS = ['series', 'untouched'] as const;
export type GuestKernel = (typeof GUEST_KERNELS)[number];

/** The built variant of the images (images/kernel/recipe.ts) that serves `mechanism`. */
export function variantOf(mechanism: Mechanism, guest_kernel: GuestKernel): 'stock' | 'hotmem' {
  return mechanism === 'hotmem' || guest_kernel === 'series' ? 'hotmem' : 'stock';
}
