/**
 * What the agent counts and measures for Prometheus: one row for each metric. Base units (bytes,
 * seconds) and names as its guide asks for; docs/metrics.md is written from the table. Pure.
 */

export interface MetricRow {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

/** From half a millisecond (an unplug that migrates nothing) to the deadline of a plug. */
const HOP_SECONDS = [
  0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30,
] as const;
/** An invocation may take longer than any change of memory. */
const CALL_SECONDS = [...HOP_SECONDS, 60, 300, 1_800] as const;

export const METRIC_ROWS = {
  build: {
    name: 'hotplane_build_info',
    type: 'gauge',
    help: 'Always 1; the version is its label.',
    labels: ['version'],
  },
  limit: {
    name: 'hotplane_memory_limit_bytes',
    type: 'gauge',
    help: 'Host memory that all VMs may be granted together.',
    labels: [],
  },
  granted: {
    name: 'hotplane_memory_granted_bytes',
    type: 'gauge',
    help: 'Granted now: boot memory, VMM processes and regions.',
    labels: [],
  },
  host_memory: {
    name: 'hotplane_host_memory_bytes',
    type: 'gauge',
    help: "The host's own word: available without swapping, and kept for others. No sample: not asked.",
    labels: ['part'],
  },
  pressure: {
    name: 'hotplane_host_pressure_level',
    type: 'gauge',
    help: '0 none, 1 the reserve is given back, 2 idle instances, 3 no growth, 4 no starts.',
    labels: [],
  },
  cordon: {
    name: 'hotplane_host_cordon_level',
    type: 'gauge',
    help: '0 the host takes new work, 1 it is cordoned, 2 it is being drained, 3 no VM is left.',
    labels: [],
  },
  ledger_head: {
    name: 'hotplane_ledger_head_seq',
    type: 'gauge',
    help: 'Number of the newest record of the ledger; status tells its SHA-256. No sample: none.',
    labels: ['ledger'],
  },
  ledger_full: {
    name: 'hotplane_ledger_full',
    type: 'gauge',
    help: '1 while the disk of the ledger has no room. No sample: there is no ledger.',
    labels: ['ledger'],
  },
  certificate_end: {
    name: 'hotplane_tls_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificate in use ends, since 1970. No sample: the API is on no network.',
    labels: [],
  },
  functions: {
    name: 'hotplane_functions',
    type: 'gauge',
    help: 'Deployed functions.',
    labels: ['phase'],
  },
  vms: {
    name: 'hotplane_vms',
    type: 'gauge',
    help: 'Function VMs; unresponsive: its guest does not answer.',
    labels: ['state'],
  },
  operations_now: {
    name: 'hotplane_operations_in_flight',
    type: 'gauge',
    help: 'Plugs and unplugs that have not ended.',
    labels: [],
  },
  operations_waiting: {
    name: 'hotplane_operations_waiting',
    type: 'gauge',
    help: 'Of them, those that wait for their turn.',
    labels: [],
  },
  tokens: {
    name: 'hotplane_reclaim_tokens',
    type: 'gauge',
    help: 'Steps of 128 MiB of larger unplugs that may be under way, as functions beside allow.',
    labels: [],
  },
  slowdown: {
    name: 'hotplane_reclaim_slowdown_ratio',
    type: 'gauge',
    help: 'How many times as long the worst function ran beside them. No sample: not known.',
    labels: [],
  },
  promises: {
    name: 'hotplane_reclaim_promises_total',
    type: 'counter',
    help: 'Unplugs of functions with a reclaim_slo: in time, or not.',
    labels: ['function', 'outcome'],
  },
  dag_calls: {
    name: 'hotplane_dag_calls_total',
    type: 'counter',
    help: 'Calls of a DAG: done within its deadline (met), done later (missed), or failed.',
    labels: ['dag', 'outcome'],
  },
  dag_seconds: {
    name: 'hotplane_dag_seconds_total',
    type: 'counter',
    help: 'Where the time of calls that are done went, along the way that took longest of each.',
    labels: ['dag', 'part'],
  },
  dags_running: {
    name: 'hotplane_dag_calls_running',
    type: 'gauge',
    help: 'Calls of a DAG that go on.',
    labels: ['dag'],
  },
  held: {
    name: 'hotplane_operation_held_seconds',
    type: 'histogram',
    help: 'How long operations waited for their turn, before and between their steps.',
    labels: ['kind'],
    buckets: HOP_SECONDS,
  },
  instances: {
    name: 'hotplane_instances',
    type: 'gauge',
    help: 'Instances of a function.',
    labels: ['function', 'phase'],
  },
  queued: {
    name: 'hotplane_invocations_queued',
    type: 'gauge',
    help: 'Invocations that wait for an instance.',
    labels: ['function'],
  },
  oldest: {
    name: 'hotplane_invocation_oldest_wait_seconds',
    type: 'gauge',
    help: 'How long the oldest of them has waited; 0: none waits.',
    labels: ['function'],
  },
  permits: {
    name: 'hotplane_function_permit_bytes',
    type: 'gauge',
    help: 'Granted for the regions of a function.',
    labels: ['function'],
  },
  plugged: {
    name: 'hotplane_function_plugged_bytes',
    type: 'gauge',
    help: 'Plugged in its regions, by the VMM when the last change of each ended.',
    labels: ['function'],
  },
  boot: {
    name: 'hotplane_function_boot_bytes',
    type: 'gauge',
    help: 'Ordinary memory of its VMs.',
    labels: ['function'],
  },
  resident: {
    name: 'hotplane_function_resident_bytes',
    type: 'gauge',
    help: 'What its VMM processes hold of the host; absent where the host does not tell it.',
    labels: ['function'],
  },
  expression_answers: {
    name: 'hotplane_function_expression_answers',
    type: 'gauge',
    help: 'What memory expressions said of calls since deploy: right or wrong by the measured peak, not measured, or no answer.',
    labels: ['function', 'result'],
  },
  expression_error: {
    name: 'hotplane_function_expression_error_ratio',
    type: 'gauge',
    help: 'Median error of the latest answers, of the measured peak. No sample: none was measured.',
    labels: ['function'],
  },
  expression_trusted: {
    name: 'hotplane_function_expression_trusted',
    type: 'gauge',
    help: '1 while sizes are by the memory expression, 0 while by history. No sample: it has none.',
    labels: ['function'],
  },
  rung_regions: {
    name: 'hotplane_function_rung_regions',
    type: 'gauge',
    help: 'Regions by how ready they stand: unplugged, plugged, populated, warm (idle), busy.',
    labels: ['function', 'rung'],
  },
  rung_wanted: {
    name: 'hotplane_function_rung_wanted_regions',
    type: 'gauge',
    help: 'How many are to stand there. No sample: neither policy nor targets say.',
    labels: ['function', 'rung'],
  },
  rung_looks: {
    name: 'hotplane_function_rung_looks_total',
    type: 'counter',
    help: 'Calls for an idle instance (warm), starts for a plugged or a populated region: hit or miss.',
    labels: ['function', 'rung', 'result'],
  },
  spans_opened: {
    name: 'hotplane_function_spans_opened_total',
    type: 'counter',
    help: 'Named spans that were opened. No sample: the function can have none.',
    labels: ['function'],
  },
  spans_denied: {
    name: 'hotplane_function_spans_denied_total',
    type: 'counter',
    help: 'Named spans that were refused to their programs; status tells the last reason.',
    labels: ['function'],
  },
  spans_open: {
    name: 'hotplane_function_spans_open',
    type: 'gauge',
    help: 'Named spans that are open.',
    labels: ['function'],
  },
  spans_plugged: {
    name: 'hotplane_function_spans_plugged_bytes',
    type: 'gauge',
    help: 'Plugged in regions of named spans: coming, open, and on its way back.',
    labels: ['function'],
  },
  spans_held: {
    name: 'hotplane_function_spans_byte_seconds_total',
    type: 'counter',
    help: 'What named spans have taken of the host: plugged bytes over time.',
    labels: ['function'],
  },
  rung_idle: {
    name: 'hotplane_function_rung_idle_byte_seconds_total',
    type: 'counter',
    help: 'What memory that stood ready has cost: granted bytes over time.',
    labels: ['function', 'rung'],
  },
  pages: {
    name: 'hotplane_function_guest_pages_total',
    type: 'counter',
    help: 'Pages as guest kernels count what they clear, and need not. No sample: they do not.',
    labels: ['function', 'what'],
  },
  pages_age: {
    name: 'hotplane_function_guest_pages_age_seconds',
    type: 'gauge',
    help: 'How long ago the VM told of them that has not for longest. No sample: none is there.',
    labels: ['function'],
  },
  invocations: {
    name: 'hotplane_invocations_total',
    type: 'counter',
    help: 'Invocations that are over; cold: an instance was started for it.',
    labels: ['function', 'outcome', 'cold'],
  },
  invocation_errors: {
    name: 'hotplane_invocation_errors_total',
    type: 'counter',
    help: 'Invocations that were refused or failed, by code.',
    labels: ['code'],
  },
  invocation: {
    name: 'hotplane_invocation_seconds',
    type: 'histogram',
    help: 'From its arrival to its end.',
    labels: ['outcome', 'cold'],
    buckets: CALL_SECONDS,
  },
  wait: {
    name: 'hotplane_invocation_wait_seconds',
    type: 'histogram',
    help: 'From its arrival until an instance took it.',
    labels: ['cold'],
    buckets: CALL_SECONDS,
  },
  start: {
    name: 'hotplane_start_stage_seconds',
    type: 'histogram',
    help: 'Of a cold invocation: from its arrival until this stage of its instance was reached.',
    labels: ['stage'],
    buckets: HOP_SECONDS,
  },
  operations: {
    name: 'hotplane_operations_total',
    type: 'counter',
    help: 'Plugs and unplugs that ended.',
    labels: ['function', 'kind', 'outcome'],
  },
  causes: {
    name: 'hotplane_operation_causes_total',
    type: 'counter',
    help: 'The same, by why the size was to change.',
    labels: ['cause', 'outcome'],
  },
  hop: {
    name: 'hotplane_operation_hop_seconds',
    type: 'histogram',
    help: 'One hop of a plug or unplug: from the stamp before it to this one.',
    labels: ['kind', 'mechanism', 'hop'],
    buckets: HOP_SECONDS,
  },
  operation: {
    name: 'hotplane_operation_seconds',
    type: 'histogram',
    help: 'A plug or unplug from its decision to its last stamp.',
    labels: ['kind', 'mechanism', 'outcome'],
    buckets: HOP_SECONDS,
  },
  short: {
    name: 'hotplane_unplug_left_bytes_total',
    type: 'counter',
    help: 'Asked back by unplugs and not given.',
    labels: ['mechanism'],
  },
  migrated: {
    name: 'hotplane_pages_migrated_total',
    type: 'counter',
    help: 'Pages that guests migrated during operations; overlapping ones count each other.',
    labels: ['mechanism'],
  },
  reports: {
    name: 'hotplane_reports_total',
    type: 'counter',
    help: 'What an operator should read in the log, by code.',
    labels: ['level', 'code'],
  },
  scrape: {
    name: 'hotplane_scrape_seconds',
    type: 'gauge',
    help: 'How long the last answer to a scrape took to make.',
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

/** A name that stands for all functions beyond the bound of series. */
export const OTHER_FUNCTIONS = 'other';
