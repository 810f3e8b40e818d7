/**
 * Every limit of the project: queues, loops, retries, payloads, deadlines. Nothing waits, grows or
 * repeats without a bound from here. Units are in the names.
 */
export const LIMITS = {
  /** Kernels of a cache that are looked at; far more than the versions anybody keeps. */
  cached_kernels: 64,
  /** Of one program: each change of its sources or of the compiler leaves one behind. */
  cached_programs: 256,
  /** Regions of one VM: what a guest tells of each of them still fits in one line together. */
  regions_per_vm: 256,
  /** Regions of one device: HOTMEM_PARTS_MAX of the series. */
  regions_per_device: 64,
  /** Function VMs of one agent. */
  vms_per_host: 256,
  /** Requests in flight on one guest channel. */
  guest_requests_in_flight: 512,
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
  /** ... the pause doubling from one time to the next, up to this factor ... */
  nudge_interval_growth_max: 4,
  /** ... and at most this many times per operation. */
  nudges_per_operation: 20,
  /** A resize ends at most this long after its deadline, also when the VMM answers nothing. */
  resize_overrun_ms: 2_000,
  /** A target that a silent VMM has kept is withdrawn when it answers again, within this time. */
  resize_withdraw_ms: 3_600_000,
  /** Calls to one VMM that wait for an answer. */
  vmm_calls_in_flight: 1_024,
  /** Longest pause between two looks at a region that is being resized. */
  resize_pause_ms_max: 20,
  /** Events of a VM or of QMP that nobody has read yet; older ones are dropped and counted. */
  vmm_events_queued: 1_024,
  /** Last bytes of a VMM's output or of a console that are read to explain an end. */
  log_tail_bytes: 64 * 1024,
  /** Starting one instance inside the guest, its wait for the partition included. */
  instance_start_ms: 40_000,
  /** Stopping one instance inside the guest. */
  instance_stop_ms: 30_000,
  /** Polite shutdown of a VM before it is killed. */
  vm_shutdown_ms: 5_000,

  /**
   * Everything that is undone at the end of a process. Longer than a stopping agent needs: drain,
   * then polite and forced ends of VMMs that do not answer.
   */
  orderly_end_ms: 90_000,
  /** Waiting for a slow reader of the last lines. */
  output_flush_ms: 1_000,
  /** Lines for a reader of stderr that does not keep up; more are dropped. */
  stderr_backlog_bytes: 1024 * 1024,

  /** Wall or CPU time of one invocation, and keep-alive: a week. */
  invocation_ms: 604_800_000,
  /** Size of one instance, and ordinary memory of a VM: 1 TiB. */
  function_bytes: 1024 * 1024 * 1024 * 1024,
  vcpus_per_vm: 64,
  /** Name of an application or function in a trace; published ones have 64. */
  trace_name_bytes: 1_024,
  /** Time stamps of a trace: the year 2286 as seconds since 1970, exact to the microsecond. */
  trace_seconds: 9_999_999_999,
  /** One line of a trace file. */
  trace_line_bytes: 64 * 1024,
  /** Rows of one trace; the whole 2021 trace has 1,980,951. */
  trace_rows: 20_000_000,
  /** Function VMs of one replay. */
  replay_functions: 64,
  /** Invocations of a replay that wait for their reply; more are recorded as not sent. */
  replay_in_flight: 20_000,
  /**
   * What a call holds its instance for beyond its duration, by its start and its way there: some
   * 200 ms under emulation. Without it, calls that follow one another without a pause would need
   * one instance by plan, and in truth an ever longer queue.
   */
  replay_held_longer_ms: 250,
  /** The measured window ends this long after the last planned end plus keep-alive. */
  replay_window_margin_ms: 5_000,
  /** An invocation may take this long beyond its planned duration. */
  replay_invoke_slack_ms: 120_000,
  /** After the window: until every reply is there, and until every region is unplugged. */
  replay_drain_ms: 60_000,
  /** Characters of one argument of a VMM's command line that are told. */
  vmm_argument_chars: 4_096,
  /** Of the log of an agent that did not come up, told before the log goes. */
  replay_last_words_chars: 4_000,
  /** Processes of one look at our own load. */
  replay_load_processes: 4_096,
  /** Between two looks at the load of the machine; longer windows are looked at less often ... */
  replay_load_interval_ms: 1_000,
  /** ... so that a run has at most this many. */
  replay_load_looks: 100_000,
  /** Longest time between two memory records of a VM that a replay asks for. */
  replay_memory_interval_ms: 250,
  /** Between two progress lines when stderr is not a terminal. */
  replay_progress_ms: 5_000,
  /** An agent started for a replay: until it answers, and until it has ended when told to. */
  agent_start_ms: 20_000,
  agent_stop_ms: 30_000,
  /** One line of a result file. */
  result_line_bytes: 1024 * 1024,

  /** Tries to stop one instance before its guest counts as broken, and the pause between them. */
  instance_stop_attempts: 3,
  instance_stop_retry_ms: 1_000,
  /** Tries to empty a region before it is left alone until reuse, Drain or Remove ... */
  unplug_attempts: 5,
  /** ... and the pause before the second; it doubles each time. */
  unplug_retry_ms: 2_000,
  /** Longest wait of an invocation for an instance. */
  invocation_queued_ms: 600_000,
  /** What an invocation may take on top of its own wall and CPU time. */
  invocation_grace_ms: 120_000,
  /** How long Remove lets busy instances go on. */
  remove_drain_ms: 60_000,
  /** A stopping agent lets busy instances go on for this long; it is shorter than agent_stop_ms. */
  agent_drain_ms: 10_000,
  /** A stopping agent waits this long for calls that are still being answered. */
  agent_close_ms: 2_000,
  /** `stats` and `ping` of a guest. */
  guest_call_ms: 10_000,
  /**
   * Status waits this long for each VMM and guest, all at once: far below agent_call_ms, so that a
   * sick VM delays no answer about others.
   */
  status_vm_ms: 1_000,
  /** A guest that told nothing for this long is pinged, and has this long to answer ... */
  guest_ping_ms: 10_000,
  guest_pong_ms: 5_000,
  /** ... and is asked this often while it does not. */
  guest_ping_again_ms: 2_000,
  /** A VM whose guest does not answer for this long is ended; until then it may recover. */
  vm_unresponsive_ms: 300_000,
  /**
   * Memory of one VMM process besides its guest's, booked for every VM: code, heap, thread stacks
   * and, under TCG, translated code. A bound chosen with room, not a measured figure.
   */
  vmm_overhead_bytes: 128 * 1024 * 1024,
  /** Lines of one kind within this time are one line of the log, and kinds that are told apart. */
  log_repeat_ms: 1_000,
  log_kinds: 1_024,
  /** After a guest channel closed: how long the VMM has to tell why. */
  vm_news_ms: 1_000,
  /** The console of a guest, and what a VMM prints, are looked at this often while it runs ... */
  console_look_ms: 2_000,
  /** ... and above this size on the disk only so much of their end is kept. */
  console_bytes_max: 2 * 1024 * 1024,
  console_kept_bytes: 256 * 1024,
  /** Console lines quoted when a guest fails. */
  console_tail_lines: 8,
  /** A VM of an earlier agent: its polite end, then SIGTERM and SIGKILL each. */
  leftover_polite_ms: 1_500,
  leftover_signal_ms: 1_500,
  /** Folders of failed VMs (their consoles) a new agent keeps. */
  vm_folders_kept: 32,
  /** Tries to shut one VM down. */
  vm_shutdown_attempts: 3,
  /** Requests a caller may have open at the agent at once. */
  agent_requests_open: 100_000,
  /** A call to the agent that should be answered at once (status). */
  agent_call_ms: 10_000,
  /** One message of the agent's API. */
  agent_message_bytes: 64 * 1024 * 1024,
  /** Subscribers of Watch, and records kept for a slow one before it is dropped. */
  watchers: 16,
  watch_buffer_records: 10_000,
  /** Shortest and usual time between two looks at a VM's memory. */
  memory_interval_ms_min: 20,
  memory_interval_ms: 250,
  /** Time between two looks at a guest's own figures while its memory is watched. */
  guest_stats_interval_ms: 1_000,

  /** Calls to one Cloud Hypervisor that wait for the one in flight. */
  ch_calls_queued: 256,
  /** One answer of Cloud Hypervisor; of an error answer less is kept. */
  ch_answer_bytes: 8 * 1024 * 1024,
  ch_error_body_bytes: 64 * 1024,
  ch_error_messages: 32,
  ch_error_message_chars: 1_024,
  /** One request body: the server of v53.0 and older takes 51,200 bytes, newer ones 4 MiB. */
  ch_request_bytes: 51_200,
  /** A connection to Cloud Hypervisor that is idle longer is closed: it takes ten at most. */
  ch_keep_alive_ms: 30_000,
  /** Creating or booting a VM, which sets up all of its memory. */
  ch_boot_ms: 20_000,
  /** One record of the event monitor; a longer one is dropped and counted. */
  ch_event_bytes: 64 * 1024,
  /** The answer to a vsock CONNECT: one short line. */
  ch_vsock_line_bytes: 64,
  /** A first resize waits this long for the guest's driver, then is sent: it acts on probe. */
  ch_driver_active_ms: 15_000,
  /** Regions that still move are waited for this long before another one is resized. */
  ch_settle_ms: 2_000,
  /** Memory of the server itself, on top of what the guest may have. */
  ch_cgroup_slack_bytes: 256 * 1024 * 1024,
  /** The same of QEMU, whose translated code takes up to 1 GiB under TCG (-accel tcg,tb-size). */
  qemu_cgroup_slack_bytes: 1536 * 1024 * 1024,
  /** Between two looks for the end of a server that closed a connection and yet runs. */
  ch_watch_again_ms: 500,
  /** The log of a server (a line per call) is emptied every so many calls. */
  ch_calls_per_log: 50_000,
  /**
   * Zones of one VM: every virtio-mem device is on PCI segment 0, which has 32 devices (pci/src/bus.rs,
   * NUM_DEVICE_IDS), less host bridge, rng, vsock and pvpanic.
   */
  ch_zones_per_vm: 28,
  /** Waiting for a kernel build of another process. */
  image_build_ms: 3_600_000,
  /** Downloading or unpacking one Debian package. */
  package_download_ms: 300_000,
  /** What a command in the nested machine may print. */
  nested_output_bytes: 16 * 1024 * 1024,

  /** One piece of work in a guest under measurement: filling or checking a whole region. */
  bench_work_ms: 180_000,
  /** One plug or unplug of a bench; longer than an agent's, for stock unplug of a full guest. */
  bench_resize_ms: 120_000,
  /** Until VMM, guest and host tell the same of a region after an operation. */
  bench_agree_ms: 3_000,
  /** One run of the floor program: touches one region. */
  bench_floor_ms: 60_000,
  /** Of the console of a failed block, kept in the folder of the run. */
  bench_console_bytes: 1024 * 1024,
  /** Bursts of unplugs of one block with a live neighbour, and the time they may take. */
  bench_bursts: 64,
  bench_bursts_ms: 480_000,
  /** One change of where or how a process runs. */
  bench_placement_ms: 5_000,
  /** Starts of one instance that are tried again. */
  bench_start_retries: 3,
  /** One boot under counted instructions. */
  bench_counted_ms: 240_000,
  /** What a process of `bench agent` has used: until it says so. */
  bench_agent_usage_ms: 10_000,
  /** Memory of the host that one VM of a bench may take. */
  bench_vm_bytes: 9 * 1024 * 1024 * 1024,
} as const;
