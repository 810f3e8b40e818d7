/** A trace in memory, whatever file it came from. */
import type { InvocationColumns } from './columns.ts';
import type { RuleUse } from './rules.ts';

/** One function of the trace. Its name is unique only together with its application. */
export interface TraceFunction {
  readonly app: string;
  readonly func: string;
  readonly invocations: number;
  /** What calls it, where the trace tells it (`http`, `timer`, `queue`, ...). */
  readonly trigger?: string;
  /** Memory of one instance, where the trace tells it. */
  readonly memory_bytes?: number;
}

/** One invocation. Times are milliseconds of the trace, not compressed. */
export interface TraceInvocation {
  /** Index into {@link Trace.functions}. */
  readonly function_index: number;
  /** End minus duration; may lie a little before 0. */
  readonly arrival_ms: number;
  /** May be 0. Without cold-start time. */
  readonly duration_ms: number;
}

/** What a reader saw in the file, so that nothing about the data is hidden. */
export interface TraceQuality {
  readonly rows: number;
  readonly apps: number;
  readonly functions: number;
  readonly zero_durations: number;
  /** Rows that arrive before the row above them. */
  readonly out_of_order_rows: number;
  /** Rows whose start lies before 0 of the trace's clock. */
  readonly negative_starts: number;
  readonly first_arrival_ms: number;
  /** From the first arrival to the last end. */
  readonly span_ms: number;
}

export interface TraceInput {
  /** As the user gave it. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Formats that a trace of single invocations can have, by what their files are called. */
export type TraceFormat = 'azure2021' | 'azure2019' | 'huawei2023' | 'arrivals';

export interface Trace {
  readonly format: TraceFormat;
  readonly input: TraceInput;
  /** Every file of it, where there are several. */
  readonly inputs?: readonly TraceInput[];
  /** In order of first appearance in the file. */
  readonly functions: readonly TraceFunction[];
  /** Sorted by arrival; equal arrivals keep the order of the file. */
  readonly invocations: InvocationColumns;
  readonly quality: TraceQuality;
  /** Rules that were needed to read it, with their counts. */
  readonly rules: readonly RuleUse[];
}
