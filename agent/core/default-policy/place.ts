/** Where an invocation goes. Pure. */
import type { Candidate, FunctionView } from '../policy.ts';

/**
 * The idle instance used last: the busiest few stay warm and the others age undisturbed, so the
 * tail of a burst drains and its memory goes back. Ties, and starts, go to the first region of the
 * first VM: the same few regions are used again and again, and the others stay empty.
 */
export function placeWarmest(_: FunctionView, candidates: readonly Candidate[]): Candidate | null {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (!candidate.instance) return candidates[0] ?? null;
    const best_since_ms = best?.instance?.idle_since_ms ?? Number.NEGATIVE_INFINITY;
    if (candidate.instance.idle_since_ms > best_since_ms) best = candidate;
  }
  return best ?? null;
}
