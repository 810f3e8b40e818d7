/** How many instances a function needs when nobody waits. Pure. */
import type { TraceInvocation } from './trace.ts';

/**
 * The most invocations of each function that run at the same moment, by `function_index`, when each
 * holds its instance for `held_longer_ms` beyond its duration. One that ends when another begins
 * does not overlap it; one without duration still counts as one.
 */
export function peakConcurrency(
  invocations: readonly TraceInvocation[],
  function_count: number,
  held_longer_ms = 0,
): number[] {
  const edges: { function_index: number; at_ms: number; change: 1 | -1 }[] = [];
  for (const { function_index, arrival_ms, duration_ms } of invocations) {
    const held_ms = Math.max(duration_ms + held_longer_ms, 1);
    edges.push({ function_index, at_ms: arrival_ms, change: 1 });
    edges.push({ function_index, at_ms: arrival_ms + held_ms, change: -1 });
  }
  edges.sort((a, b) => a.at_ms - b.at_ms || a.change - b.change);
  const running = Array.from({ length: function_count }, () => 0);
  const peak = Array.from({ length: function_count }, () => 0);
  for (const { function_index, change } of edges) {
    const now = (running[function_index] ?? 0) + change;
    running[function_index] = now;
    peak[function_index] = Math.max(peak[function_index] ?? 0, now);
  }
  return peak;
}
