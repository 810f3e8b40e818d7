/** What a trace is, in the figures that a manifest has of it. Pure. */
import type { InvocationColumns } from './columns.ts';
import type { RuleCounts } from './rules.ts';
import type { TraceFunction, TraceQuality } from './trace.ts';

/** `invocations` in order of arrival; what rows were like is what `rules` has counted. */
export function qualityOf(
  functions: readonly TraceFunction[],
  invocations: InvocationColumns,
  rules: RuleCounts,
): TraceQuality {
  const { arrival_ms, duration_ms, length } = invocations;
  const first_arrival_ms = arrival_ms[0] ?? 0;
  let last_end_ms = first_arrival_ms;
  for (let at = 0; at < length; at += 1) {
    const end_ms = (arrival_ms[at] ?? 0) + (duration_ms[at] ?? 0);
    if (end_ms > last_end_ms) last_end_ms = end_ms;
  }
  return {
    rows: length,
    apps: new Set(functions.map(({ app }) => app)).size,
    functions: functions.length,
    zero_durations: rules.of('zero-duration'),
    out_of_order_rows: rules.of('out-of-order'),
    negative_starts: rules.of('negative-start'),
    first_arrival_ms,
    span_ms: Math.round((last_end_ms - first_arrival_ms) * 1000) / 1000,
  };
}
