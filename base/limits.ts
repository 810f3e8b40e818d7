/**
 * Every limit of the project: queues, loops, retries, payloads, deadlines. Nothing waits, grows or
 * repeats without a bound from here. Units are in the names.
 */
export const LIMITS = {
  /** Regions of one VM: q35 root bus, 32 slots of 8 functions, the first 8 slots kept for others. */
  regions_per_vm: 192,
  /** Function VMs of one agent. */
  vms_per_host: 256,
  /** One line of the guest protocol, either direction. A longer line ends the channel. */
  guest_line_bytes: 64 * 1024,
  /** Requests in flight on one guest channel. */
  guest_requests_in_flight: 256,
  /** One line of QMP. */
  qmp_line_bytes: 4 * 1024 * 1024,
  /** Invocations waiting for an instance of one function. */
  invocations_queued_per_function: 10_000,

  /** Deadline of one QMP or REST call. */
  vmm_call_ms: 5_000,
  /** From the start of the VMM process until its control socket answers. */
  vmm_start_ms: 20_000,
  /** From the start of the VMM process until the guest says hello. */
  guest_hello_ms: 90_000,
  /** One plug, from the request until plugged = requested. */
  plug_ms: 30_000,
  /** One unplug, from the request until plugged = requested and the host sees it. */
  unplug_ms: 30_000,
  /** A guest that got stuck in a partial unplug is asked again this often ... */
  nudge_interval_ms: 1_000,
  /** ... and at most this many times per operation. */
  nudges_per_operation: 20,
  /** Starting one instance inside the guest, its wait for the partition included. */
  instance_start_ms: 40_000,
  /** Stopping one instance inside the guest. */
  instance_stop_ms: 15_000,
  /** Polite shutdown of a VM before it is killed. */
  vm_shutdown_ms: 5_000,
} as const;
