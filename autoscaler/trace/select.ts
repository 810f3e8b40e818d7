/** Picks the part of a trace that is replayed. Pure. */
import { traceTooFewFunctions } from './errors.ts';
import type { Trace, TraceFunction, TraceInvocation } from './trace.ts';

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
}

/** The `count` most invoked functions; equal counts are ordered by app and function name. */
export function selectMostInvoked(trace: Trace, count: number): Selection {
  const total = trace.functions.length;
  if (!Number.isInteger(count) || count < 1 || count > total) {
    throw traceTooFewFunctions(count, total);
  }
  const ranked = trace.functions
    .map((entry, index) => ({ entry, index }))
    .toSorted((a, b) => b.entry.invocations - a.entry.invocations || byName(a.entry, b.entry))
    .slice(0, count);
  const position = new Map(ranked.map(({ index }, rank) => [index, rank]));
  const invocations: TraceInvocation[] = [];
  for (const invocation of trace.invocations) {
    const function_index = position.get(invocation.function_index);
    if (function_index !== undefined) invocations.push({ ...invocation, function_index });
  }
  return {
    functions: ranked.map(({ entry }, rank) => ({ ...entry, rank: rank + 1 })),
    invocations,
    rows_used: invocations.length,
    rows_total: trace.invocations.length,
  };
}

/** Compares code units, never by locale, so that every machine orders alike. */
function byName(a: TraceFunction, b: TraceFunction): number {
  const left = `${a.app},${a.func}`;
  const right = `${b.app},${b.func}`;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
