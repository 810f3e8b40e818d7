/** Limits of a replay. */
export const REPLAY_LIMITS = {
  /** Rounds of one replay. */
  rounds: 1_000,
  /** Agents of one replay, each a process that looks after VMs of its own. */
  agents: 16,
  /** Failures that are brought about under one mechanism. */
  failures: 64,
  /** A VMM that is stalled stands still for this long: longer than a call to it may take. */
  stall_ms: 6_000,
  /** Function VMs of one replay. */
  functions: 64,
  /** Invocations of a replay that wait for their reply; more are recorded as not sent. */
  in_flight: 20_000,
  /**
   * What a call holds its instance for beyond its duration, by its start and its way there: some
   * 200 ms under emulation. Without it, calls that follow one another without a pause would need
   * one instance by plan, and in truth an ever longer queue.
   */
  held_longer_ms: 250,
  /** The measured window ends so much later than the last planned end plus keep-alive: ... */
  window_margin_share: 0.1,
  /** ... a tenth of the load, but within these. */
  window_margin_least_ms: 2_000,
  window_margin_most_ms: 5_000,
  /** An invocation may take this long beyond its planned duration. */
  invoke_slack_ms: 120_000,
  /** Calls of one real program by which a run learns how long they take; then no more are made. */
  calibration_ms: 60_000,
  /** Of the CPU left: what --speedup auto lets any window of the run ask for at most ... */
  speedup_share: 0.6,
  /** ... and how long such a window is at least, in a run that is as long. */
  speedup_window_ms: 30_000,
  /** From the first VM of its calibration to the last removal; it takes some 30 s. */
  speedup_calibration_ms: 120_000,
  /** After the window: until every reply is there, and until every region is unplugged. */
  drain_ms: 60_000,
  /** Of the log of an agent that did not come up, told before the log goes. */
  last_words_chars: 4_000,
  /** Processes of one look at our own load. */
  load_processes: 4_096,
  /** Between two looks at the load of the machine; longer windows are looked at less often ... */
  load_interval_ms: 1_000,
  /** ... so that a run has at most this many. */
  load_looks: 100_000,
  /** Longest time between two memory records of a VM that a replay asks for. */
  memory_interval_ms: 250,
  /** Between two progress lines when stderr is not a terminal. */
  progress_ms: 5_000,
} as const;
