/**
 * Fixed keep-alive that gives each invocation to the instance idle longest: work goes round, no one
 * ages, and memory of a burst stays for as long as there is any work. What newest-first, the
 * default, is to be compared with. Pure.
 */
import { placeStart } from '../../agent/core/default-policy/place.ts';
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Candidate, FunctionView, Policy } from '../../agent/core/policy.ts';

function placeOldest(_: FunctionView, candidates: readonly Candidate[]): Candidate | null {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (!candidate.instance) return placeStart(candidates);
    const best_since_ms = best?.instance?.idle_since_ms ?? Number.POSITIVE_INFINITY;
    if (candidate.instance.idle_since_ms < best_since_ms) best = candidate;
  }
  return best ?? null;
}

export const OLDEST_FIRST_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'oldest-first',
  place: placeOldest,
};
