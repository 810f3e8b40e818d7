/** What the invocations saw, from the invocation lines of one mechanism. Pure. */
import type { InvocationLine, OperationLine } from '../results/schema.ts';
import { between, describe, geometricMean, percentile, toSample } from './statistics.ts';
import type { Distribution } from './statistics.ts';

/** Planned durations below this count as this in the slowdown; the trace's resolution is 1 ms. */
export const SHORTEST_DURATION_MS = 1;

export interface InvocationSummary {
  readonly planned: number;
  readonly outcomes: {
    readonly done: number;
    readonly refused: number;
    readonly failed: number;
    readonly interrupted: number;
  };
  /** Finished after the measured window, or never: what the host could not keep up with. */
  readonly not_within_window: number;
  /** The agent's received -> finished, of every invocation it received. */
  readonly latency: Distribution;
  /** The same of those that found an instance, and of those that had to start one. */
  readonly latency_warm: Distribution;
  readonly latency_cold: Distribution;
  /** (received -> finished) / planned duration; no unit. */
  readonly slowdown: {
    readonly p50: number | null;
    readonly p99: number | null;
    /** Geometric mean over functions of each function's p99. */
    readonly p99_over_functions: number | null;
  };
  readonly cold_starts: number;
  /** Of the invocations that were done. */
  readonly cold_share: number | null;
  readonly cold_start: {
    /** Received -> instance ready. */
    readonly total: Distribution;
    /** Plug decided -> plugged. */
    readonly plug: Distribution;
    /** Plug decided -> sandbox waits for its partition; runs beside the plug. */
    readonly sandbox: Distribution;
    /** The later of plugged and sandbox -> instance ready. */
    readonly ready: Distribution;
  };
  /** How late the replay itself sent: planned -> sent. */
  readonly lateness: Distribution;
}

export function summarizeInvocations(
  lines: readonly InvocationLine[],
  operations: readonly OperationLine[],
  window_ms: number,
): InvocationSummary {
  const done = lines.filter((line) => line.outcome === 'done');
  const cold = done.filter((line) => line.cold);
  const count = (outcome: InvocationLine['outcome']): number =>
    lines.filter((line) => line.outcome === outcome).length;
  return {
    planned: lines.length,
    outcomes: {
      done: done.length,
      refused: count('refused'),
      failed: count('failed'),
      interrupted: count('interrupted'),
    },
    not_within_window: lines.filter((line) => (line.finished_at_ms ?? Infinity) > window_ms).length,
    latency: describe(latenciesOf(lines)),
    latency_warm: describe(latenciesOf(done.filter((line) => !line.cold))),
    latency_cold: describe(latenciesOf(cold)),
    slowdown: slowdowns(lines),
    cold_starts: cold.length,
    cold_share: done.length === 0 ? null : Math.round((cold.length / done.length) * 1e6) / 1e6,
    cold_start: coldStart(cold, operations),
    lateness: describe(
      lines
        .filter((line) => line.sent_at_ms !== null)
        .map((line) => between(line.planned_at_ms, line.sent_at_ms)),
    ),
  };
}

/** Received -> finished of every invocation that was sent; null for one that never finished. */
export function latenciesOf(lines: readonly InvocationLine[]): (number | null)[] {
  return lines
    .filter((line) => line.sent_at_ms !== null && line.outcome !== 'interrupted')
    .map((line) =>
      line.outcome === 'done' ? between(line.received_at_ms, line.finished_at_ms) : null,
    );
}

function slowdowns(lines: readonly InvocationLine[]): InvocationSummary['slowdown'] {
  const by_function = new Map<string, (number | null)[]>();
  const all: (number | null)[] = [];
  for (const line of lines) {
    const [latency_ms] = latenciesOf([line]);
    if (latency_ms === undefined) continue;
    const planned_ms = Math.max(SHORTEST_DURATION_MS, line.planned_duration_ms);
    const slowdown = latency_ms === null ? null : latency_ms / planned_ms;
    all.push(slowdown);
    const list = by_function.get(line.function);
    if (list) list.push(slowdown);
    else by_function.set(line.function, [slowdown]);
  }
  const tails = [...by_function.values()].map((list) => percentile(toSample(list), 0.99));
  const reached = tails.filter((tail) => tail !== null);
  const sample = toSample(all);
  return {
    p50: rounded(percentile(sample, 0.5)),
    p99: rounded(percentile(sample, 0.99)),
    p99_over_functions: reached.length === tails.length ? geometricMean(reached) : null,
  };
}

function coldStart(
  cold: readonly InvocationLine[],
  operations: readonly OperationLine[],
): InvocationSummary['cold_start'] {
  const by_id = new Map(operations.map((line) => [line.id, line]));
  const plugs = cold
    .map((line) => (line.operation_id === null ? undefined : by_id.get(line.operation_id)))
    .filter((line) => line !== undefined);
  return {
    total: describe(cold.map((line) => between(line.received_at_ms, line.instance_ready_at_ms))),
    plug: describe(plugs.map((line) => between(line.decided_at_ms, line.plugged_at_ms))),
    sandbox: describe(plugs.map((line) => between(line.decided_at_ms, line.sandbox_at_ms))),
    ready: describe(plugs.map((line) => between(later(line), line.instance_ready_at_ms))),
  };
}

function later(line: OperationLine): number | null {
  if (line.plugged_at_ms === null || line.sandbox_at_ms === null) return null;
  return Math.max(line.plugged_at_ms, line.sandbox_at_ms);
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
