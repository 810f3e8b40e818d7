/** What QEMU, and the kernel for it, may take on top of its guest's memory. Pure. */
import { devicesBytes } from '../spec.ts';
import type { Accelerator, VmSpec } from '../vm.ts';
import { QEMU_LIMITS } from './limits.ts';

/**
 * The part of a guest's memory that the host keeps to map it: 8 bytes a page each for the tables of
 * the process, those of KVM, and what KVM knows of a page.
 */
const MAPPED_PART = 3 * (8 / 4_096);

export function qemuSlackBytes(spec: VmSpec, accelerator: Accelerator): number {
  const mapped_bytes = Math.ceil((spec.boot_bytes + devicesBytes(spec)) * MAPPED_PART);
  const translated_bytes = accelerator === 'tcg' ? QEMU_LIMITS.cgroup_tcg_bytes : 0;
  return QEMU_LIMITS.cgroup_slack_bytes + translated_bytes + mapped_bytes;
}
