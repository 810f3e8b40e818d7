/** What a run of `bench agent` has measured. Plain data, written as it is with `--out`. */
import type { Check } from '../check.ts';
import type { AgentCell } from './plan.ts';
import type { AgentBenchOptions } from './plan.ts';

export interface Latency {
  readonly n: number;
  readonly p50_ms: number;
  /** Null below 100 calls: there is no such figure then. */
  readonly p99_ms: number | null;
}

/** One cell of one round. */
export interface CellRun {
  readonly cell: AgentCell;
  readonly calls: number;
  /** Plugs that were followed by an unplug; 0 but for `cycle`. */
  readonly cycles: number;
  readonly wall_ms: number;
  /** CPU of the process measured, user and system: the agent, or the bare server for `echo`. */
  readonly cpu_ms: number;
  readonly latency: Latency;
  /** Of the echo calls in between, for `added`. */
  readonly floor_latency: Latency | null;
  readonly lag: {
    readonly p50_ms: number;
    readonly p99_ms: number | null;
    readonly max_ms: number;
  };
  readonly rss_bytes: number;
  readonly heap_bytes: number;
  /** Share of the host's CPU that others than the bench used meanwhile; null when not known. */
  readonly others_share: number | null;
}

/** Many functions at once: what they take, and what asking for all of them does. */
export interface ScaleRun {
  readonly functions: number;
  readonly regions: number;
  readonly rss_before_bytes: number;
  readonly rss_bytes: number;
  readonly status_bytes: number;
  readonly status_ms: number;
  readonly status_cpu_ms: number;
  /** The longest the agent's event loop stood still during a status. */
  readonly blocked_ms: number;
  /** Of the status; null: not known. */
  readonly others_share: number | null;
  /** Scrapes of the metrics of all these VMs: the median, the first, and the most of all. */
  readonly scrape: {
    readonly n: number;
    readonly ms: number;
    readonly first_ms: number;
    readonly bytes: number;
    readonly blocked_ms: number;
    readonly others_share: number | null;
  };
}

/** What a reader of the live state heard of operations, and when. */
export interface LiveRun {
  readonly operations_per_s: number;
  /** From the last stamp of an operation until the reader had it. */
  readonly latency: Latency;
  /** Operations that were too many for their message. */
  readonly dropped: number;
  readonly lag_max_ms: number;
  readonly others_share: number | null;
}

export interface IdleRun {
  readonly wall_ms: number;
  readonly cpu_ms: number;
}

/** An agent of its own with so many VMs, at rest. */
export interface VmsRun {
  readonly vms: number;
  readonly regions: number;
  readonly rss_bytes: number;
  /** What another agent with so many keeps on its heap when it has let go of all garbage. */
  readonly kept_bytes: number;
  readonly idle: IdleRun;
}

export interface AgentBench {
  readonly format: 'hotplane-bench-agent/1';
  readonly hotplane_version: string;
  readonly node_version: string;
  readonly started_at: string;
  readonly host: { readonly cpu: string; readonly cpus: number };
  readonly options: AgentBenchOptions;
  readonly runs: readonly CellRun[];
  readonly scale: ScaleRun | null;
  readonly live: LiveRun | null;
  readonly idle: IdleRun | null;
  readonly vms: readonly VmsRun[];
  readonly rss_first_bytes: number;
  readonly rss_last_bytes: number;
}

export interface AgentBenchReport {
  readonly rows: readonly Row[];
  readonly checks: readonly Check[];
}

/** A cell over all rounds: medians, and the least and the most of the rounds. */
export interface Row {
  readonly cell: AgentCell;
  readonly rounds: number;
  /** Calls, or cycles, a second of wall time and for each of them CPU time. */
  readonly per_s: Spread3;
  readonly cpu_ms_each: Spread3;
  readonly p50_ms: number;
  readonly p99_ms: number | null;
  /** Beyond the echo, at the same percentile; `added` only. */
  readonly added_p50_ms: number | null;
  readonly added_p99_ms: number | null;
  readonly lag_p99_ms: number | null;
  readonly lag_max_ms: number;
  readonly rss_bytes: number;
  readonly others_share: number | null;
}

export interface Spread3 {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}
