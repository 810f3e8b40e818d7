/** What a simulation plays: functions with their sizes, and invocations in order. Pure. */
import { LIMITS } from '../../base/limits.ts';
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import type { InvocationColumns } from '../trace/columns.ts';
import { ColumnsBuilder } from '../trace/columns.ts';
import { ALL_FUNCTIONS, type Grouping } from '../trace/select.ts';
import type { Trace } from '../trace/trace.ts';
import { assignProfiles } from '../workload-model/assign.ts';
import type { MemoryModel } from '../workload-model/models.ts';
import { resizeMs, type MechanismModel } from './mechanism-models.ts';

export interface SimFunction {
  readonly name: string;
  readonly app: string;
  readonly func: string;
  /** Of one instance, as it was given. */
  readonly limit_bytes: number;
  /** The same in whole memory blocks: what is plugged and granted. */
  readonly region_bytes: number;
  /** Most instances at a time. */
  readonly concurrency: number;
}

export interface SimWorkload {
  readonly functions: readonly SimFunction[];
  readonly invocations: InvocationColumns;
  /** From 0, the first arrival, to the end of what is measured. */
  readonly window_ms: number;
}

export interface WorkloadOptions {
  readonly grouping: Grouping;
  /** Sizes for functions whose trace has none. */
  readonly model: MemoryModel;
  readonly seed: number;
  /** Most instances of a function; null: what a VM can have. */
  readonly concurrency: number | null;
  /** Added to the last planned end. */
  readonly tail_ms: number;
}

/** How long things take besides the invocations themselves. */
export interface SimCosts {
  readonly mechanism: MechanismModel;
  /** Start of a sandbox and its runtime, beside the plug. */
  readonly start_ms: number;
  /** From the stop of an instance until its memory can go. */
  readonly stop_ms: number;
}

/** A start waits for both its sandbox and its memory. */
export function readyMs({ mechanism, start_ms }: SimCosts, region_bytes: number): number {
  return Math.max(start_ms, resizeMs(mechanism.plug, region_bytes));
}

/** Times of the trace count from its first arrival. */
export function workloadOf(
  trace: Pick<Trace, 'functions' | 'invocations'>,
  options: WorkloadOptions,
): SimWorkload {
  const groups = new Map<string, number>();
  const found: { app: string; func: string; memory_bytes: number | null; calls: number }[] = [];
  const group_of = trace.functions.map(({ app, func, invocations, memory_bytes = null }) => {
    const by_app = options.grouping === 'app';
    const key = by_app ? app : `${app},${func}`;
    const known = groups.get(key) ?? found.length;
    groups.set(key, known);
    found[known] ??= { app, func: by_app ? ALL_FUNCTIONS : func, memory_bytes: null, calls: 0 };
    const group = found[known];
    group.calls += invocations;
    if (memory_bytes !== null) group.memory_bytes = Math.max(group.memory_bytes ?? 0, memory_bytes);
    return known;
  });
  const ranks = [...found.keys()].toSorted(
    (a, b) => (found[b]?.calls ?? 0) - (found[a]?.calls ?? 0) || a - b,
  );
  const profiles = assignProfiles(options.model, found.length, 'rank', options.seed);
  const rank_of = new Map(ranks.map((index, rank) => [index, rank]));
  const functions = found.map(({ app, func, memory_bytes }, index): SimFunction => {
    const rank = rank_of.get(index) ?? 0;
    const limit_bytes = Math.max(1, memory_bytes ?? profiles[rank]?.limit_bytes ?? 1);
    return {
      name: `f${index}`,
      app,
      func,
      limit_bytes,
      region_bytes: roundUp(limit_bytes, MEMORY_BLOCK_BYTES),
      concurrency: options.concurrency ?? LIMITS.regions_per_vm,
    };
  });
  return { functions, ...movedToZero(trace.invocations, group_of, options.tail_ms) };
}

function movedToZero(
  { function_index, arrival_ms, duration_ms, length }: InvocationColumns,
  group_of: readonly number[],
  tail_ms: number,
): Pick<SimWorkload, 'invocations' | 'window_ms'> {
  const first_ms = arrival_ms[0] ?? 0;
  const builder = new ColumnsBuilder();
  let end_ms = 0;
  for (let at = 0; at < length; at += 1) {
    const at_ms = Math.round(((arrival_ms[at] ?? 0) - first_ms) * 1000) / 1000;
    const took_ms = duration_ms[at] ?? 0;
    builder.add(group_of[function_index[at] ?? 0] ?? 0, at_ms, took_ms);
    end_ms = Math.max(end_ms, at_ms + took_ms);
  }
  return { invocations: builder.inOrder(), window_ms: Math.ceil(end_ms + tail_ms) };
}
