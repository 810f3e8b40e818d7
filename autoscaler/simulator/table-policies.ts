/**
 * Policies in the form the fast engine asks them: what they say of a function stands in columns
 * that they keep up to date. Their rules are those of autoscaler/policy. Pure.
 */
import {
  binOf,
  HISTOGRAM_BINS,
  type IdleTimes,
  NO_IDLE_TIMES,
  noteIdleTime,
  STANDARD_WINDOWS,
  windowsOf,
} from '../policy/hybrid-histogram.ts';
import {
  arrive,
  newWindows,
  nextTick,
  observe,
  type Seen,
  wantedOf,
} from '../policy/knative-windows.ts';
import { ACTIVE_BUCKETS, BUCKET_MS } from '../policy/window.ts';
import type { ReadyTally } from './outcome.ts';

/** Whose idle instance gives way when the host has no memory left for a start. */
export type Eviction = 'none' | 'oldest' | 'greedy-dual';

export interface TablePolicy {
  readonly name: string;
  readonly eviction: Eviction;
  /** How long an idle instance is kept, by function; with a pre-warm window: from its end on. */
  readonly keep_alive_ms: Float64Array;
  /** Idle times count from the beginning of the bucket in which they began; absent: at once. */
  readonly bucket_ms?: number;
  /** The instance idle longest serves next; absent: the one idle shortest. */
  readonly is_oldest_first?: boolean;
  /** Those that are too old end together, see batched.ts. */
  readonly is_batched?: boolean;
  /** How many are to be there decides, and no idle time. */
  readonly numbers?: Numbers;
  /** What idle instances were good for decides how long one is kept. */
  readonly uses?: IdleUses;
  /** After the last run when an instance is to be there again; 0: it stays. */
  readonly prewarm_ms: Float64Array;
  /** Told of every invocation, before anything comes of it. Absent: nothing is learned. */
  readonly arrived?: (index: number, now_ms: number, is_working: boolean) => void;
  /** Told of every run that ends. */
  readonly ended?: (index: number, now_ms: number) => void;
}

/** Of a function, by its index. */
export interface Numbers {
  /** Told before anything changes; `is_arrival`: an invocation comes now. */
  readonly observe: (index: number, now_ms: number, seen: Seen, is_arrival: boolean) => void;
  readonly wanted: (index: number, queued: number) => number;
  /** When that may change by time alone. */
  readonly next_ms: (index: number) => number;
}

/** Of a function, by its index. */
export interface IdleUses {
  /** A call found an instance that was idle since then. */
  readonly reused: (index: number, since_ms: number, now_ms: number) => void;
  /** A call that found none has an instance now. */
  readonly waited: (now_ms: number) => void;
  /** An instance is started for a call that found none. */
  readonly missed: (index: number, now_ms: number) => void;
  /** One ends that was idle since then. */
  readonly ended: (index: number, since_ms: number, now_ms: number) => void;
  /** For how long one is kept idle, by what is known now. */
  readonly keptMs: (index: number) => number;
  readonly tally: () => ReadyTally;
}

/** Constant windows. */
export function constantTable(
  name: string,
  functions: number,
  keep_alive_ms: number,
  eviction: Eviction = 'none',
): TablePolicy {
  return {
    name,
    eviction,
    keep_alive_ms: new Float64Array(functions).fill(keep_alive_ms),
    prewarm_ms: new Float64Array(functions),
  };
}

/** All of a bucket leave at once. */
export function slidingTable(functions: number): TablePolicy {
  const keep_alive_ms = ACTIVE_BUCKETS * BUCKET_MS;
  return { ...constantTable('sliding-window', functions, keep_alive_ms), bucket_ms: BUCKET_MS };
}

export function oldestFirstTable(functions: number, keep_alive_ms: number): TablePolicy {
  const table = constantTable('oldest-first', functions, keep_alive_ms);
  return { ...table, is_oldest_first: true };
}

/** In batches. */
export function batchedTable(functions: number, keep_alive_ms: number): TablePolicy {
  return { ...constantTable('batched', functions, keep_alive_ms), is_batched: true };
}

export function knativeTable(functions: number): TablePolicy {
  const windows = Array.from({ length: functions }, newWindows);
  return {
    ...constantTable('knative', functions, Number.POSITIVE_INFINITY),
    numbers: {
      observe: (index, now_ms, seen, is_arrival) => {
        const known = windows[index];
        if (!known) return;
        observe(known, now_ms, seen);
        if (is_arrival) arrive(known, now_ms);
      },
      wanted: (index, queued) => wantedOf(windows[index], queued),
      next_ms: (index) => nextTick(windows[index]) ?? Number.POSITIVE_INFINITY,
    },
  };
}

export function hybridTable(functions: number): TablePolicy {
  const bins = new Int32Array(functions * HISTOGRAM_BINS);
  const known: IdleTimes[] = Array.from({ length: functions }, () => NO_IDLE_TIMES);
  const last_end_ms = new Float64Array(functions).fill(Number.NaN);
  const keep_alive_ms = new Float64Array(functions).fill(STANDARD_WINDOWS.keep_alive_ms);
  const prewarm_ms = new Float64Array(functions);
  const views = known.map((_, index) =>
    bins.subarray(index * HISTOGRAM_BINS, (index + 1) * HISTOGRAM_BINS),
  );
  return {
    name: 'hybrid-histogram',
    eviction: 'none',
    keep_alive_ms,
    prewarm_ms,
    arrived: (index, now_ms, is_working) => {
      const since_ms = last_end_ms[index] ?? Number.NaN;
      const idle_ms = is_working ? 0 : now_ms - since_ms;
      const own = views[index];
      if (Number.isNaN(idle_ms) || !own) return;
      const bin = binOf(idle_ms);
      const in_bin = bin === null ? 0 : (own[bin] ?? 0);
      const next = noteIdleTime(known[index] ?? NO_IDLE_TIMES, idle_ms, in_bin);
      if (bin !== null) own[bin] = in_bin + 1;
      known[index] = next;
      const windows = windowsOf(next, own);
      keep_alive_ms[index] = windows.keep_alive_ms;
      prewarm_ms[index] = windows.prewarm_ms;
    },
    ended: (index, now_ms) => {
      last_end_ms[index] = now_ms;
    },
  };
}
