/** Limits of the agent: its calls, guests, VMs and watchers. Pure. */
import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';

export const AGENT_LIMITS = {
  /** Invocations waiting for an instance of one function. */
  invocations_queued_per_function: 10_000,
  /** Characters of one argument of a VMM's command line that are told. */
  vmm_argument_chars: 4_096,
  /** Tries to stop one instance before its guest counts as broken. */
  instance_stop_attempts: 3,
  /** Tries to empty a region before it is left alone until reuse, Drain or Remove ... */
  unplug_attempts: 5,
  /** ... and the pause before the second; it doubles each time. */
  unplug_retry_ms: 2_000,
  /** Longest wait of an invocation for an instance. */
  invocation_queued_ms: 600_000,
  /** Observers of a region that disagree for so long, and no resize takes, have drifted. */
  drift_ms: 40_000,
  /** Between two looks at the host's own memory, and while that is short. */
  host_look_ms: 1_000,
  host_look_pressed_ms: 250,
  /** There must be enough of it for so long before a level of pressure is over. */
  pressure_calm_ms: 5_000,
  /** Of a function whose ready memory others needed, none is made ready for so long. */
  pool_rest_ms: 5_000,
  /** Longest wait of an invocation for memory that is being given back. */
  memory_wait_ms: 10_000,
  /** What an invocation may take whose caller does not say. */
  invocation_ms: 120_000,
  /** Starting somebody's own program: an interpreter alone takes 6 s of CPU time under TCG. */
  program_start_ms: 180_000,
  /** Its guest says before that its program is not ready; populating its memory comes first. */
  program_ready_ms: 150_000,
  /** Kept of what the instances of one function wrote; of an entry besides its bytes; functions. */
  function_log_bytes: 256 * 1024,
  log_entry_bytes: 64,
  function_logs: 256,
  /** Payloads and answers that the agent holds for its callers, all together. */
  payloads_held_bytes: 256 * 1024 * 1024,
  /** Until an instance that is to be kept is started again where it failed or had no memory. */
  start_again_ms: 10_000,
  /** A function whose only VM was lost gets another at once, and after that so much later ... */
  come_back_ms: 1_000,
  /** ... twice as late each time, but no later than this ... */
  come_back_ms_max: 60_000,
  /** ... until one has served for so long. */
  come_back_calm_ms: 60_000,
  /** Answers kept for callers who ask again with a key: how many, their rows, and how long. */
  answers_kept: 10_000,
  answers_kept_bytes: 64 * 1024 * 1024,
  answers_kept_ms: 600_000,
  /** A caller with a key whose agent went away asks for the next one this long, so often. */
  agent_return_ms: 60_000,
  agent_return_pause_ms: 250,
  /** Between two looks at the files of TLS. */
  tls_look_ms: 10_000,
  /** How long Remove lets busy instances go on. */
  remove_drain_ms: 60_000,
  /** A stopping agent lets busy instances go on for this long. */
  drain_ms: 10_000,
  /** A stopping agent waits this long for calls that are still being answered. */
  close_ms: 2_000,
  /**
   * Status waits this long for each VMM and guest, all at once: a sick VM delays no answer about
   * others.
   */
  status_vm_ms: 1_000,
  /** A status that goes into a result is asked for again, while one of them is silent. */
  heard_status_ms: 30_000,
  /** It asks so many at a time, and others after so long where one of them is silent. */
  status_asks: 4,
  status_patience_ms: 20,
  /** ... and not while so many answers wait for who writes them. */
  status_unread: 8,
  /** Characters of the agent's state in one part of an answer. */
  status_state_chars: 128 * 1024,
  /** A guest that told nothing for this long is pinged, and has this long to answer ... */
  guest_ping_ms: 10_000,
  guest_pong_ms: 5_000,
  /** ... and is asked this often while it does not. */
  guest_ping_again_ms: 2_000,
  /** A guest that counts the pages it clears tells them this often where nobody asks. */
  guest_pages_ms: 60_000,
  /** Functions whose counted pages are kept after their last VM. */
  page_sums: 4_096,
  /** A full instance waits so long for more memory, where its function says nothing. */
  grow_wait_ms: 10_000,
  /** A span is waited for so long, where nobody says how long growth is. */
  span_wait_ms: 10_000,
  /** An emulation opens, touches and closes a span once: no longer, on the slowest host. */
  span_cycle_ms: 60_000,
  /** DAGs of a host, stages of one, and edges between them. */
  dags: 128,
  dag_stages: 32,
  dag_edges: 128,
  /** Calls of DAGs that go on at once; calls that are foreseen of one function. */
  dags_running: 256,
  calls_expected: 1_024,
  /** A stage's own payload as JSON, in characters. */
  dag_payload_chars: 4_096,
  /** Spans of a function. */
  spans: 8,
  /**
   * A region in use gives back what its guest calls free, which takes no longer: until it is over
   * it cannot grow.
   */
  shrink_ms: 2_000,
  /** After a wait for growth was denied: until the guest ends it by itself. */
  growth_denial_ms: 2_000,
  /** What an instance has held is asked for so long, while the caller of its call waits. */
  peak_ms: 500,
  /** After a resize: how long the guest may say another size than the VMM, and how often to ask. */
  observers_agree_ms: 1_000,
  observers_look_ms: 20,
  /** What one guest says of its regions' use is heard once in so long, on average. */
  usage_interval_ms: 5,
  /** And so often at once: a word of somebody who waits does not wait for another instance's. */
  usage_burst: 16,
  /** Shortest time between two memory steps that tell of use alone. */
  use_step_ms: 200,
  /** A VM whose guest does not answer for this long is ended; until then it may recover. */
  vm_unresponsive_ms: 300_000,
  /** One that is silent for this long is quarantined: no new work, and another VM in its place. */
  vm_quarantine_ms: 60_000,
  /** What runs in a VM that is drained or quarantined may go on for this long. */
  vm_retire_ms: 300_000,
  /** Lines of one kind within this time are one line of the log, and kinds that are told apart. */
  log_repeat_ms: 1_000,
  log_kinds: 1_024,
  /** After a guest channel closed: how long the VMM has to tell why. */
  vm_news_ms: 1_000,
  /** A VM of an earlier agent: its polite end, then SIGTERM and SIGKILL each. */
  leftover_polite_ms: 1_500,
  leftover_signal_ms: 1_500,
  /** Folders of failed VMs (their consoles) a new agent keeps. */
  vm_folders_kept: 32,
  /** Tries to shut one VM down. */
  vm_shutdown_attempts: 3,
  /** Requests a caller may have open at the agent at once. */
  requests_open: 100_000,
  /** One message of the agent's API. */
  message_bytes: 64 * 1024 * 1024,
  /** Subscribers of Watch, and records kept for a slow one before it is dropped. */
  watchers: 16,
  watch_buffer_records: 10_000,
  /** Rows of one page of a list, and rows that are looked at for it. */
  page_rows: 1_024,
  page_looks: 8_192,
  /** Operations that ended and are kept for those who ask later. */
  operations_kept: 4_096,
  /** Long answers are made in turns of the event loop of this length, between which calls go on. */
  turn_ms: 4,
  /** Readers of the live state; messages kept for a slow one before it is dropped. */
  live_readers: 32,
  live_messages_behind: 512,
  /** After a rest a change is told at once; the next ones so long after the message ... */
  live_gather_ms: 5,
  /** ... or so long, while the agent is late itself or a reader has more messages unread ... */
  live_gather_behind_ms: 15,
  live_few_behind: 8,
  /** ... or later where they take long to make, which takes this part of the time at most ... */
  live_share: 0.1,
  /** ... but never later than this. */
  live_gather_ms_max: 100,
  /** One message has at most so many records of a kind; a part of a snapshot so many rows. */
  live_records: 2_000,
  live_part_rows: 16,
  /** While somebody reads, the memory of VMs is looked at this often. */
  live_memory_ms: 1_000,
  /** A reader has so long to take one message. */
  live_send_ms: 5_000,
  /** A reader who does not answer a ping until the next one is gone. */
  live_ping_ms: 15_000,
  /** Functions with metrics of their own; all others share one name. */
  metrics_functions: 256,
  /** An answer to a scrape is given to all who ask within this time. */
  metrics_kept_ms: 1_000,
  /** HTTP: connections at a time, bytes of a request's headers, and how long a request may take. */
  http_connections: 256,
  /** Bodies of HTTP requests that are not all here yet. */
  http_bodies_bytes: 64 * 1024 * 1024,
  http_header_bytes: 16 * 1024,
  http_headers_ms: 5_000,
  http_request_ms: 300_000,
  http_idle_ms: 5_000,
  /** The ledger: characters of what a guest or a VMM gave as the reason. */
  ledger_reason_chars: 1_024,
  /** Calls of instances that are there already wait so long, or for so many, to be written. */
  ledger_written_after_ms: 50,
  ledger_pending_records: 256,
  /** So much of an earlier agent's records is read for what they were about. */
  ledger_anchors_bytes: 8 * 1024 * 1024,
  /** Time between two looks at what VMs hold of the host; the same where something changes. */
  ledger_resident_ms: 10_000,
  ledger_resident_apart_ms: 200,
  /** Looks at one VM that may follow each other at once: those of a whole tenure, and more. */
  ledger_resident_looks: 8,
  /** Who had a region, for the page: the newest part of the ledger, and what is told of it. */
  lineage_bytes: 1024 * 1024,
  lineage_tenures: 50,
  lineage_runs: 20,
  /** Shortest and usual time between two looks at a VM's memory. */
  memory_interval_ms_min: 20,
  memory_interval_ms: 250,
  /** Time between two looks at a guest's own figures while its memory is watched. */
  guest_stats_interval_ms: 1_000,
} as const;

assert(
  AGENT_LIMITS.drain_ms + AGENT_LIMITS.close_ms + 2 * LIMITS.vm_shutdown_ms < LIMITS.agent_stop_ms,
  'an agent that stops has drained, and ended its VMs, before it is ended by force',
);
assert(
  AGENT_LIMITS.program_ready_ms + LIMITS.plug_ms / 2 <= AGENT_LIMITS.program_start_ms,
  'a guest tells that a program is not ready before its agent stops waiting',
);
assert(
  2 * AGENT_LIMITS.shrink_ms < AGENT_LIMITS.grow_wait_ms,
  'who waits for growth while his region shrinks gets it in time',
);
assert(
  2 * AGENT_LIMITS.status_vm_ms <= LIMITS.agent_call_ms,
  'status answers in time, whatever a VM does',
);
assert(
  AGENT_LIMITS.drift_ms > Math.max(LIMITS.plug_ms, LIMITS.unplug_ms),
  'what is under way is no drift',
);
assert(
  AGENT_LIMITS.guest_ping_again_ms < AGENT_LIMITS.guest_pong_ms &&
    AGENT_LIMITS.guest_ping_ms + AGENT_LIMITS.guest_pong_ms < AGENT_LIMITS.vm_quarantine_ms &&
    AGENT_LIMITS.vm_quarantine_ms < AGENT_LIMITS.vm_unresponsive_ms,
  'a guest is asked several times before its VM is replaced, and again before it is ended',
);
assert(
  AGENT_LIMITS.leftover_polite_ms + 2 * AGENT_LIMITS.leftover_signal_ms < LIMITS.agent_start_ms,
  'a new agent has ended a VM of an earlier one before it must answer',
);
assert(
  AGENT_LIMITS.memory_interval_ms_min <= AGENT_LIMITS.memory_interval_ms &&
    AGENT_LIMITS.memory_interval_ms <= AGENT_LIMITS.guest_stats_interval_ms,
  'a guest is asked for its figures no more often than the host',
);

/** How long busy instances may go on when their function is removed, unless somebody says. */
export const DRAIN_MS: number = AGENT_LIMITS.remove_drain_ms;
