/** Limits of the QEMU driver. */
export const QEMU_LIMITS = {
  /** One line of QMP. */
  qmp_line_bytes: 4 * 1024 * 1024,
  /**
   * Memory of QEMU itself, on top of what the guest may have: its translated code takes up to 1 GiB
   * under TCG (-accel tcg,tb-size).
   */
  cgroup_slack_bytes: 1536 * 1024 * 1024,
} as const;
