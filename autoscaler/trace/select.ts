/** Picks the part of a trace that is replayed. Pure. */
import { traceTooFewFunctions } from './errors.ts';
import type { Trace, TraceFunction, TraceInvocation } from './trace.ts';

/**
 * What becomes one deployed function: each function of the trace, or each application with all of
 * its functions, which is the unit of which Azure keeps instances (Shahrad et al., ATC 2020).
 */
export const GROUPINGS = ['function', 'app'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** Stands for every function of an application. */
export const ALL_FUNCTIONS = '*';

export interface RankedFunction extends TraceFunction {
  /** 1 for the most invoked. */
  readonly rank: number;
}

export interface Selection {
  /** By rank. */
  readonly functions: readonly RankedFunction[];
  /** Of the selected functions only; `function_index` counts in {@link Selection.functions}. */
  readonly invocations: readonly TraceInvocation[];
  readonly rows_used: number;
  readonly rows_total: number;
  /** Of the rows that were selected. */
  readonly zero_durations: number;
  readonly negative_starts: number;
  /** From the first arrival to the last end. */
  readonly span_ms: number;
}

/** The `count` most invoked; equal counts are ordered by app and function name. */
export function selectMostInvoked(
  trace: Trace,
  count: number,
  grouping: Grouping = 'function',
): Selection {
  const { groups, group_of } = groupFunctions(trace.functions, grouping);
  const total = groups.length;
  if (!Number.isInteger(count) || count < 1 || count > total) {
    throw traceTooFewFunctions(count, total, grouping);
  }
  const ranked = groups
    .map((entry, index) => ({ entry, index }))
    .toSorted((a, b) => b.entry.invocations - a.entry.invocations || byName(a.entry, b.entry))
    .slice(0, count);
  const position = new Map(ranked.map(({ index }, rank) => [index, rank]));
  const invocations: TraceInvocation[] = [];
  for (const invocation of trace.invocations) {
    const group = group_of[invocation.function_index];
    const function_index = group === undefined ? undefined : position.get(group);
    if (function_index !== undefined) invocations.push({ ...invocation, function_index });
  }
  return {
    functions: ranked.map(({ entry }, rank) => ({ ...entry, rank: rank + 1 })),
    invocations,
    rows_used: invocations.length,
    rows_total: trace.invocations.length,
    ...quality(invocations),
  };
}

type Quality = Pick<Selection, 'zero_durations' | 'negative_starts' | 'span_ms'>;

/** `invocations` by arrival. */
function quality(invocations: readonly TraceInvocation[]): Quality {
  const first_ms = invocations[0]?.arrival_ms ?? 0;
  const last_ms = invocations.reduce(
    (last, { arrival_ms, duration_ms }) => Math.max(last, arrival_ms + duration_ms),
    first_ms,
  );
  return {
    zero_durations: invocations.filter((one) => one.duration_ms === 0).length,
    negative_starts: invocations.filter((one) => one.arrival_ms < 0).length,
    span_ms: Math.round((last_ms - first_ms) * 1000) / 1000,
  };
}

interface Groups {
  readonly groups: readonly TraceFunction[];
  /** Of each function of the trace, its group's index. */
  readonly group_of: readonly number[];
}

function groupFunctions(functions: readonly TraceFunction[], grouping: Grouping): Groups {
  if (grouping === 'function') {
    return { groups: functions, group_of: functions.map((_, index) => index) };
  }
  const index_of = new Map<string, number>();
  const groups: { app: string; func: string; invocations: number }[] = [];
  const group_of = functions.map(({ app, invocations }) => {
    const known = index_of.get(app);
    const group = known === undefined ? undefined : groups[known];
    if (known !== undefined && group) {
      group.invocations += invocations;
      return known;
    }
    index_of.set(app, groups.length);
    return groups.push({ app, func: ALL_FUNCTIONS, invocations }) - 1;
  });
  return { groups, group_of };
}

/** Compares code units, never by locale, so that every machine orders alike. */
function byName(a: TraceFunction, b: TraceFunction): number {
  const left = `${a.app},${a.func}`;
  const right = `${b.app},${b.func}`;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
