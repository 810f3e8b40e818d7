/**
 * The lines of a result folder. Everything a summary or a report shows is made from these alone.
 * Stamps are milliseconds from the start of the run on the host's clock.
 */
import type { LoadLine as ReplayLoadLine, Provenance } from '../../../autoscaler/results/schema.ts';
import type { Cell } from '../plan/cell.ts';
import type { Plan } from '../plan/plan.ts';

export const BENCH_SCHEMA_VERSION = 1;

export interface BenchManifest {
  readonly schema_version: typeof BENCH_SCHEMA_VERSION;
  readonly status: 'running' | 'complete' | 'interrupted';
  readonly versions: {
    readonly hotplane: string;
    readonly node: string;
    readonly vmm: string;
    readonly guest_kernel: string;
    readonly compiler: string;
  };
  readonly host: {
    readonly kernel: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memory_bytes: number;
    readonly huge_pages: string;
    readonly load_before: number;
  };
  /** Our sources, the VMM's program file, and more of the host; as in a replay's manifest. */
  readonly provenance: Provenance;
  /** The guests that were booted, by content: a kernel each, one root file system. */
  readonly kernels: readonly {
    readonly variant: string;
    readonly key: string;
    readonly release: string;
    readonly series_revision: string | null;
  }[];
  readonly rootfs_key: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly vcpus: number;
  readonly boot_bytes: number;
  /** Host memory the regions of one VM may take together with its boot memory. */
  readonly vm_memory_bytes: number;
  readonly command: readonly string[];
  readonly plan: Plan;
  readonly started_at: string;
  readonly duration_ms: number;
}

/** One boot of one cell. */
export interface BlockLine {
  readonly block: string;
  readonly round: number;
  readonly cell: Cell;
  readonly outcome: 'done' | 'failed';
  readonly reason: string | null;
  readonly console_tail: readonly string[];
  readonly started_at_ms: number;
  readonly duration_ms: number;
  readonly boot_ms: number;
  readonly regions: number;
  readonly fill_bytes: number;
  readonly rest_fill_bytes: number;
  readonly guest_kernel: string;
  /** Of the whole VMM process, when all was filled: resident, and what of it is in huge pages. */
  readonly resident_bytes: number;
  readonly host_huge_bytes: number;
  /** The VMM as it really ran; empty for a block that failed. */
  readonly vmm_path: string;
  readonly vmm_command: readonly string[];
}

export const OPERATION_KINDS = ['first-plug', 'unplug', 'replug', 'idle-unplug'] as const;

/**
 * One plug or unplug. Durations count from `requested_at_ms`; null where a point was not reached.
 */
export interface BenchOperation {
  readonly block: string;
  readonly round: number;
  readonly cell: Cell;
  /** `idle-unplug`: nothing else lives in the guest and no region is in use. */
  readonly kind: (typeof OPERATION_KINDS)[number];
  readonly repetition: number;
  readonly slot: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly requested_at_ms: number;
  readonly accepted_ms: number | null;
  /** Until the VMM says that plugged = requested. */
  readonly plugged_ms: number | null;
  /** Unplug: until the host was seen to hold nothing; includes the time of that look itself. */
  readonly resident_ms: number | null;
  readonly touched_bytes: number;
  readonly resident_before_bytes: number | null;
  /** Where they are not taken for an operation, the four that follow are null. */
  readonly pages_migrated: number | null;
  readonly guest_cpu_ms: number | null;
  readonly vmm_requests: number | null;
  /** Time in the guest's driver, as the partition tells it; null for stock kernels. */
  readonly guest_ms: number | null;
  readonly observers: Observers | null;
  /** Instances alive in the guest meanwhile. */
  readonly neighbours: number;
  readonly nudges: number;
}

/** What the three say of the region after the operation. */
export interface Observers {
  readonly vmm_plugged_bytes: number;
  readonly guest_plugged_bytes: number;
  readonly host_resident_bytes: number;
  readonly map_bytes: number;
  readonly agree: boolean;
}

/** One instance: start, fill, check, end. */
export interface InstanceLine {
  readonly block: string;
  readonly round: number;
  readonly cell: Cell;
  readonly slot: number;
  /** `together`: all slots filled at once; `refill`: alone, after a replug. */
  readonly phase: 'together' | 'refill';
  readonly bytes: number;
  readonly faults: number;
  /** CPU time of the filling thread for one fault. */
  readonly fault_ns: number;
  readonly fill_ms: number;
  /** Times the start was refused and tried again. */
  readonly retries: number;
  /** Pages that did not read as zero before they were written. */
  readonly dirty_pages: number;
  /** Pages that did not hold the pattern when the instance was stopped; null: not checked. */
  readonly wrong_pages: number | null;
  /** From `stop` until nothing of it was left, as the agent sees it; null: lived to the end. */
  readonly exit_ms: number | null;
}

export const FLOOR_BACKINGS = ['anonymous-huge', 'anonymous-4k', 'memfd'] as const;

/** The host alone: the same bytes touched and discarded by a process of ours. */
export interface FloorLine {
  readonly round: number;
  readonly backing: (typeof FLOOR_BACKINGS)[number];
  readonly region_bytes: number;
  readonly touched_bytes: number;
  readonly discard_ms: number;
  readonly host_huge_bytes: number;
  readonly resident_bytes: number;
  readonly resident_after_bytes: number;
}

export const REQUEST_KINDS = ['short', 'function'] as const;
/** How long a request of the neighbour is: see bench/reclaim/measure/neighbour.ts. */
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** Requests of the neighbour in one burst; latencies in milliseconds of the guest's clock. */
export interface NeighbourLine {
  readonly block: string;
  readonly round: number;
  readonly cell: Cell;
  readonly burst: number;
  readonly request: RequestKind;
  readonly unplugs: number;
  /** No other instance did anything and no region was resized. */
  readonly quiet_ms: readonly number[];
  /** Of the same quiet time, what met a window as long as one of the unplugs: the control. */
  readonly sham_ms: readonly number[];
  /** An unplug was under way during at least a part of the request. */
  readonly busy_ms: readonly number[];
}

export const COST_METRICS = ['fault', 'fork-exit', 'plug', 'unplug'] as const;
/** `page`: a page that is touched and unmapped again. The others: what of it is under the lock. */
export const LOCK_METRICS = ['page', 'fault-held', 'free-held'] as const;

/** One figure of the costs that the feature must not have. */
export interface CostLine {
  readonly round: number;
  /**
   * `off`: two kernels under counted instructions. `attached`: one kernel, real time, two CPUs.
   * `attached-counted`: the same faults under counted instructions, one CPU. `lock`: how many of
   * the instructions a partition's lock is held for.
   */
  readonly part: 'off' | 'attached' | 'attached-counted' | 'lock';
  readonly variant: 'untouched' | 'off' | 'unattached' | 'attached';
  readonly metric: (typeof COST_METRICS)[number] | (typeof LOCK_METRICS)[number];
  readonly threads: number;
  readonly region_bytes: number;
  /** Per fault, per page, per fork and exit, or of the whole plug or unplug. */
  readonly ns: number;
}

export const PRICE_OPERATIONS = [
  'fault',
  'huge-fault',
  'unmap',
  'protect',
  'copy-on-write',
  'fork-exit',
  'zero-hot',
  'zero-cold',
  'copy-hot',
  'copy-cold',
  'migrated-page',
] as const;
export type PriceOperation = (typeof PRICE_OPERATIONS)[number];

/**
 * What one operation costs, the least of some tries: of one page of 4 KiB, or of one fork with
 * exit. `host`: nanoseconds of the machine itself; `guest`: nanoseconds in an emulated guest;
 * `counted`: instructions of an emulated guest.
 */
export interface PriceLine {
  readonly round: number;
  readonly where: 'host' | 'guest' | 'counted';
  readonly operation: PriceOperation;
  readonly cost: number;
}

/** What the host did during one step; null: it could not be read. */
export interface BenchLoad extends Omit<ReplayLoadLine, 'mechanism'> {
  /** As in the progress line: `round 1: hotmem, 512 MiB full`. */
  readonly step: string;
}

export interface BenchData {
  readonly manifest: BenchManifest;
  readonly blocks: readonly BlockLine[];
  readonly operations: readonly BenchOperation[];
  readonly instances: readonly InstanceLine[];
  readonly floor: readonly FloorLine[];
  readonly neighbour: readonly NeighbourLine[];
  readonly cost: readonly CostLine[];
  /** Empty with hardware virtualisation: nothing is to be estimated. */
  readonly prices: readonly PriceLine[];
  readonly load: readonly BenchLoad[];
}

/** The lines of a run, by the name of their file. */
export type BenchLists = {
  -readonly [K in keyof Omit<BenchData, 'manifest'>]: BenchData[K][number][];
};

/** A run of which nothing is known yet. */
export const noLines = (): BenchLists => ({
  blocks: [],
  operations: [],
  instances: [],
  floor: [],
  neighbour: [],
  cost: [],
  prices: [],
  load: [],
});
