/**
 * Limits that more than one folder goes by; what one goes by alone is in its own limits.ts. Queues,
 * loops, retries, payloads, deadlines: nothing waits, grows or repeats without a bound from there.
 * Units are in the names, and what must hold between two limits is asserted beside them. Pure.
 */
import { assert } from './assert.ts';

export const LIMITS = {
  /** Regions of one VM: what a guest tells of each of them still fits in one line together. */
  regions_per_vm: 256,
  /** Function VMs of one agent: the most that can be asked for, and what is usual. */
  vms_per_host: 1_024,
  vms_per_host_usual: 256,
  /** Deadline of one QMP or REST call. */
  vmm_call_ms: 5_000,
  /** From the start of the VMM process until its control socket answers. */
  vmm_start_ms: 20_000,
  /** From the start of the VMM process until the guest says hello. */
  guest_hello_ms: 90_000,
  /** One plug, from the request until plugged = requested. */
  plug_ms: 30_000,
  /** Longest time that a function may have a full instance wait for more memory. */
  grow_wait_ms_max: 3_600_000,
  /** One unplug, from the request until plugged = requested and the host sees it. */
  unplug_ms: 30_000,
  /** Starting one instance inside the guest, its wait for the partition included. */
  instance_start_ms: 40_000,
  /** Stopping one instance inside the guest. */
  instance_stop_ms: 30_000,
  /** Polite shutdown of a VM before it is killed. */
  vm_shutdown_ms: 5_000,
  /** Lines for a reader of stderr that does not keep up; more are dropped. */
  stderr_backlog_bytes: 1024 * 1024,
  /** Wall or CPU time of one invocation, and keep-alive: a week. */
  invocation_ms: 604_800_000,
  /** Size of one instance, and ordinary memory of a VM: 1 TiB. */
  function_bytes: 1024 * 1024 * 1024 * 1024,
  vcpus_per_vm: 64,
  /** An agent started for a replay: until it answers, and until it has ended when told to. */
  agent_start_ms: 60_000,
  agent_stop_ms: 30_000,
  /** Between two tries to stop one instance. */
  instance_stop_retry_ms: 1_000,
  /** One payload, to an instance or from it: what AWS Lambda takes. */
  payload_bytes: 6 * 1024 * 1024,
  /** `stats` and `ping` of a guest. */
  guest_call_ms: 10_000,
  /** Console lines quoted when a guest fails. */
  console_tail_lines: 8,
  /** A call to the agent that should be answered at once (status). */
  agent_call_ms: 10_000,
  /** Waiting for a kernel build of another process. */
  image_build_ms: 3_600_000,
} as const;

assert(
  LIMITS.vmm_call_ms < LIMITS.vmm_start_ms && LIMITS.vmm_start_ms < LIMITS.guest_hello_ms,
  'a VMM that starts may be called, and its guest says hello after that',
);
assert(
  LIMITS.vmm_call_ms < Math.min(LIMITS.plug_ms, LIMITS.unplug_ms),
  'a resize outlasts one call to its VMM',
);
assert(
  LIMITS.plug_ms < LIMITS.instance_start_ms,
  'the start of an instance outlasts the plug it waits for',
);
