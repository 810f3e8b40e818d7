/** What the host needs to map a guest, which it charges to the cgroup of its VMM. Pure. */
import { devicesBytes } from '../spec.ts';
import type { VmSpec } from '../vm.ts';

/**
 * The part of a guest's memory that the host keeps to map it: 8 bytes a page each for the tables of
 * the process, those of KVM, and what KVM knows of a page.
 */
const MAPPED_PART = 3 * (8 / 4_096);

/** When all that the guest may have is plugged and touched. */
export function mapBytes(spec: VmSpec): number {
  return Math.ceil((spec.boot_bytes + devicesBytes(spec)) * MAPPED_PART);
}
