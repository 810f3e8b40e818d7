/** Where an invocation goes. Pure. */
import type { Candidate, FunctionView, RegionView } from '../policy.ts';

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
 * need not be plugged again. Of equal ones that with the most that its guest has prepared, then the
 * first region of the first VM: the same few are used again and again, and the others stay empty.
 */
export function placeStart(free: readonly Candidate[]): Candidate | null {
  let best: Candidate | null = null;
  for (const candidate of free) {
    if (!best || isReadier(candidate.region, best.region)) best = candidate;
  }
  return best;
}

function isReadier(one: RegionView, other: RegionView): boolean {
  const more_bytes = one.plugged_bytes - other.plugged_bytes;
  if (more_bytes !== 0) return more_bytes > 0;
  return (one.prepared_bytes ?? 0) > (other.prepared_bytes ?? 0);
}
