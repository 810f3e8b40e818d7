/** The trace part of a manifest, of a live run and of a simulated one alike. Pure. */
import { knownSource } from '../trace/known-sources.ts';
import type { Trace } from '../trace/trace.ts';
import type { Manifest } from './schema.ts';

/** What was made of the trace. */
export type TraceUse = Pick<
  Manifest['trace'],
  'grouping' | 'speedup' | 'rows_used' | 'functions_used' | 'used'
>;

export function traceFacts({ quality, input }: Trace, use: TraceUse): Manifest['trace'] {
  return {
    grouping: use.grouping,
    speedup: use.speedup,
    rows_used: use.rows_used,
    rows_total: quality.rows,
    functions_used: use.functions_used,
    functions_total: quality.functions,
    apps_total: quality.apps,
    zero_durations: quality.zero_durations,
    out_of_order_rows: quality.out_of_order_rows,
    negative_starts: quality.negative_starts,
    span_ms: quality.span_ms,
    source: knownSource(input.sha256),
    used: use.used,
  };
}
