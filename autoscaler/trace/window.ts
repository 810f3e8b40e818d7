/** A part of a trace by time: what arrives in it, as a trace of its own. Pure. */
import { ColumnsBuilder } from './columns.ts';
import type { Trace } from './trace.ts';

export interface TimeWindow {
  /** After the first arrival. */
  readonly begin_ms: number;
  readonly duration_ms: number;
}

/** Its functions are those that are called in it; the quality is that of the whole file. */
export function windowOf(trace: Trace, { begin_ms, duration_ms }: TimeWindow): Trace {
  const { function_index, arrival_ms, duration_ms: took_ms, length } = trace.invocations;
  const from_ms = (arrival_ms[0] ?? 0) + begin_ms;
  const isIn = (at_ms: number): boolean => at_ms >= from_ms && at_ms < from_ms + duration_ms;
  const counts = new Uint32Array(trace.functions.length);
  for (let at = 0; at < length; at += 1) {
    const fn = function_index[at] ?? 0;
    if (isIn(arrival_ms[at] ?? 0)) counts[fn] = (counts[fn] ?? 0) + 1;
  }
  const kept = [...counts.keys()].filter((fn) => (counts[fn] ?? 0) > 0);
  const place_of = new Map(kept.map((fn, place) => [fn, place]));
  const builder = new ColumnsBuilder();
  for (let at = 0; at < length; at += 1) {
    const now_ms = arrival_ms[at] ?? 0;
    if (!isIn(now_ms)) continue;
    builder.add(place_of.get(function_index[at] ?? 0) ?? 0, now_ms, took_ms[at] ?? 0);
  }
  const functions = trace.functions
    .map((one, fn) => ({ ...one, invocations: counts[fn] ?? 0 }))
    .filter(({ invocations }) => invocations > 0);
  return { ...trace, functions, invocations: builder.inOrder() };
}
