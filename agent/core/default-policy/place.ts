/** Where an invocation goes. Pure. */
import type { Candidate, FunctionView } from '../policy.ts';

/**
 * The idle instance used last: the busiest few stay warm and the others age undisturbed, so the
 * tail of a burst drains and its memory goes back. Ties go to the first region of the first VM.
 * Starts, see {@link placeStart}.
 */
export function placeWarmest(_: FunctionView, candidates: readonly Candidate[]): Candidate | null {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (!candidate.instance) return placeStart(candidates);
    const best_since_ms = best?.instance?.idle_since_ms ?? Number.NEGATIVE_INFINITY;
    if (candidate.instance.idle_since_ms > best_since_ms) best = candidate;
  }
  return best ?? null;
}

/**
 * The free region with the most memory in it: what was plugged ahead, or left behind by an unplug,
 * need not be plugged again. Ties go to the first region of the first VM: the same few regions are
 * used again and again, and the others stay empty.
 */
export function placeStart(free: readonly Candidate[]): Candidate | null {
  let best: Candidate | null = null;
  for (const candidate of free) {
    const more = candidate.region.plugged_bytes > (best?.region.plugged_bytes ?? -1);
    if (more) best = candidate;
  }
  return best;
}
