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
  /** Longest pause between two looks at a region that is being resized. */
  resize_pause_ms_max: 4,
  /** Events of a VM or of QMP that nobody has read yet; older ones are dropped and counted. */
  vmm_events_queued: 1_024,
  /** Last bytes of a VMM's output or of a console that are read to explain an end. */
  log_tail_bytes: 64 * 1024,
  /** Starting one instance inside the guest, its wait for the partition included. */
  instance_start_ms: 40_000,
  /** Stopping one instance inside the guest. */
  instance_stop_ms: 15_000,
  /** Polite shutdown of a VM before it is killed. */
  vm_shutdown_ms: 5_000,

  /** One line of a trace file. */
  trace_line_bytes: 64 * 1024,
  /** Rows of one trace; the whole 2021 trace has 1,980,951. */
  trace_rows: 20_000_000,
  /** Function VMs of one replay. */
  replay_functions: 64,
  /** Invocations of a replay that wait for their reply; more are recorded as not sent. */
  replay_in_flight: 20_000,
  /** The measured window ends this long after the last planned end plus keep-alive. */
  replay_window_margin_ms: 5_000,
  /** An invocation may take this long beyond its planned duration. */
  replay_invoke_slack_ms: 120_000,
  /** After the window: until every reply is there, and until every region is unplugged. */
  replay_drain_ms: 60_000,
  /** Longest time between two memory records of a VM that a replay asks for. */
  replay_memory_interval_ms: 250,
  /** Between two progress lines when stderr is not a terminal. */
  replay_progress_ms: 5_000,
  /** An agent started for a replay: until it answers, and until it has ended when told to. */
  agent_start_ms: 20_000,
  agent_stop_ms: 30_000,
  /** One line of a result file. */
  result_line_bytes: 1024 * 1024,
} as const;
