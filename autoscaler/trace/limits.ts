/** Limits of a trace that is read. Pure. */
import { assert } from '../../base/assert.ts';

export const TRACE_LIMITS = {
  /** Name of an application or function in a trace; published ones have 64. */
  name_bytes: 1_024,
  /** Time stamps of a trace: the year 2286 as seconds since 1970, exact to the microsecond. */
  seconds: 9_999_999_999,
  /** One line of a trace file. */
  line_bytes: 64 * 1024,
  /** Rows of one trace; the whole 2021 trace has 1,980,951. */
  rows: 20_000_000,
  /** Invocations of one function in one minute: twenty times the largest published. */
  minute_invocations: 100_000_000,
  /** Functions and minutes with invocations of one trace; a published day has some 6 million. */
  minute_cells: 100_000_000,
  /** Rows of one file of memory percentiles; a published day has 17,490. */
  memory_rows: 1_000_000,
  /** Memory of one application, MiB: 16 TiB. */
  memory_mib: 16 * 1024 * 1024,
  /** Calls of one trace of DAGs. */
  dag_calls: 2_000_000,
  /** One file of a memory series; the largest published has 477,474. */
  series_bytes: 64 * 1024 * 1024,
} as const;

assert(
  2 * TRACE_LIMITS.name_bytes < TRACE_LIMITS.line_bytes,
  'both names of a row fit into a line',
);
