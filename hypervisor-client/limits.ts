/** Limits of every driver; those of one alone are beside it. */
import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';

export const VMM_LIMITS = {
  /** Regions of one device: HOTMEM_PARTS_MAX of the series. */
  regions_per_device: 64,
  /** Read-only disks of one VM: a base runtime, a function, and as many again. */
  disks_per_vm: 4,
  /** A guest that got stuck in a partial unplug is asked again this often ... */
  nudge_interval_ms: 1_000,
  /** ... the pause doubling from one time to the next, up to this factor ... */
  nudge_interval_growth_max: 4,
  /** ... and at most this many times per operation. */
  nudges_per_operation: 20,
  /** A resize ends at most this long after its deadline, also when the VMM answers nothing. */
  resize_overrun_ms: 2_000,
  /** A target that a silent VMM has kept is withdrawn when it answers again, within this time. */
  resize_withdraw_ms: 3_600_000,
  /**
   * Where one region moves at a time, an unplug in its turn lets a plug go first after so long ...
   */
  turn_ms: 100,
  /** ... another unplug after so long ... */
  turn_beside_unplugs_ms: 1_000,
  /** ... and one that waits goes behind plugs that came up to so long after it. */
  unplugs_wait_ms: 1_000,
  /** Calls to one VMM that wait for an answer. */
  calls_in_flight: 1_024,
  /** Longest pause between two looks at a region that is being resized. */
  resize_pause_ms_max: 20,
  /** Events of a VM or of QMP that nobody has read yet; older ones are dropped and counted. */
  events_queued: 1_024,
  /** Last bytes of a VMM's output or of a console that are read to explain an end. */
  log_tail_bytes: 64 * 1024,
  /** The console of a guest, and what a VMM prints, are looked at this often while it runs ... */
  console_look_ms: 2_000,
  /** ... and above this size on the disk only so much of their end is kept. */
  console_bytes_max: 2 * 1024 * 1024,
  console_kept_bytes: 256 * 1024,
  /** The answer to a vsock CONNECT: one short line. */
  vsock_line_bytes: 64,
  /** A program of iproute2 that makes or removes a TAP device. */
  tap_tool_ms: 10_000,
  /** How long a VMM that has ended may stay in its memory cgroup. */
  cgroup_empty_ms: 5_000,
  /** Between two looks for the end of a VMM that closed a connection and yet runs. */
  watch_again_ms: 500,
} as const;

assert(
  VMM_LIMITS.log_tail_bytes <= VMM_LIMITS.console_kept_bytes &&
    VMM_LIMITS.console_kept_bytes < VMM_LIMITS.console_bytes_max,
  'what is kept of a console is less than what is cut, and holds the tail that explains an end',
);
assert(
  VMM_LIMITS.resize_overrun_ms < LIMITS.vmm_call_ms,
  'a resize does not wait for the answer to a whole call beyond its deadline',
);
assert(VMM_LIMITS.regions_per_device <= LIMITS.regions_per_vm, 'a VM may have one device alone');
assert(
  VMM_LIMITS.resize_pause_ms_max < VMM_LIMITS.nudge_interval_ms,
  'a region is looked at several times between two nudges',
);
