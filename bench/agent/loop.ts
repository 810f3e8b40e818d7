/** A closed loop: so many calls open at any time, each followed by the next, until time is up. */
import { performance } from 'node:perf_hooks';
import { percentileOf } from '../statistics.ts';
import type { Latency } from './records.ts';

export interface Loop {
  readonly call: () => Promise<void>;
  readonly in_flight: number;
  readonly for_ms: number;
  readonly signal: AbortSignal;
}

/** Latencies of all calls, in the order they ended. Throws what a call threw, after all ended. */
export async function runLoop({ call, in_flight, for_ms, signal }: Loop): Promise<number[]> {
  const latencies: number[] = [];
  const end_ms = performance.now() + for_ms;
  const caller = async (): Promise<void> => {
    for (;;) {
      const begin_ms = performance.now();
      if (begin_ms >= end_ms || signal.aborted) return;
      await call();
      latencies.push(performance.now() - begin_ms);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: in_flight }, caller));
  const broken = ends.find((one) => one.status === 'rejected');
  if (broken) throw broken.reason;
  return latencies;
}

export function latencyOf(latencies: readonly number[]): Latency {
  const p50_ms = percentileOf(latencies, 0.5) ?? 0;
  return { n: latencies.length, p50_ms, p99_ms: percentileOf(latencies, 0.99) };
}
