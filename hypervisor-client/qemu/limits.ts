/** Limits of the QEMU driver. */
import { MIB } from '../../base/units.ts';

export const QEMU_LIMITS = {
  /** One line of QMP. */
  qmp_line_bytes: 4 * 1024 * 1024,
  /** Memory of QEMU itself and of its files, on top of what the guest may have. */
  cgroup_slack_bytes: 256 * MIB,
  /** And of its translated code under TCG, which takes up to 1 GiB (-accel tcg,tb-size). */
  cgroup_tcg_bytes: 1_280 * MIB,
} as const;
