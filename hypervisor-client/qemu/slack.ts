/** What QEMU, and the kernel for it, may take on top of its guest's memory. Pure. */
import { mapBytes } from '../lifecycle/map-bytes.ts';
import type { Accelerator, VmSpec } from '../vm.ts';
import { QEMU_LIMITS } from './limits.ts';

export function qemuSlackBytes(spec: VmSpec, accelerator: Accelerator): number {
  const translated_bytes = accelerator === 'tcg' ? QEMU_LIMITS.cgroup_tcg_bytes : 0;
  return QEMU_LIMITS.cgroup_slack_bytes + translated_bytes + mapBytes(spec);
}
