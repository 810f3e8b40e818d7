/** Which kernel a guest runs, by mechanism. Pure. */
import { type Mechanism, type MechanismName, MECHANISMS } from './mechanism.ts';

/**
 * The kernel of the mechanisms that need no patch: `series`, the one of partitions, with these left
 * off, so that one kernel serves all mechanisms; or `untouched`, as Linux is released.
 */
export const GUEST_KERNELS = ['series', 'untouched'] as const;
export type GuestKernel = (typeof GUEST_KERNELS)[number];

/** Mechanisms that {@link GuestKernel} is a choice for. */
export function servedByEither(): MechanismName[] {
  return MECHANISMS.all.filter(({ partitions }) => !partitions).map(({ name }) => name);
}

/** The built variant of the images (images/kernel/recipe.ts) that serves `mechanism`. */
export function variantOf(mechanism: Mechanism, guest_kernel: GuestKernel): 'stock' | 'hotmem' {
  return mechanism.partitions || guest_kernel === 'series' ? 'hotmem' : 'stock';
}
