/** Shortages: which functions wait for memory, in the order in which they get it. */
import { inOrderOfArrival } from '../model/shortages.ts';
import type { FunctionState, QueuedInvocation, Shortage } from '../model/state.ts';
import { regionTier } from '../model/spec.ts';
import { type Tier, tierOf } from '../model/tiers.ts';
import { dividedTiers } from '../model/tiers-spec.ts';
import { type Draft, readFunction } from './draft.ts';

/** Notes that a function waits for memory (again), or that it does not any longer. */
export function setShortage(draft: Draft, fn: FunctionState, short: Shortage | null): void {
  const { name } = fn.spec;
  if (short === null && fn.short === null) return;
  const moved = short?.received_at_ms !== fn.short?.received_at_ms;
  fn.short = short;
  if (!moved) return;
  const others = draft.short.filter((other) => other !== name);
  if (short === null) draft.short = others;
  else
    draft.short = inOrderOfArrival(
      [...others, name],
      (one) => readFunction(draft, one)?.short ?? null,
    );
}

/** Which tier a function waits for. */
export const shortTier = ({ tier = 'host' }: Shortage): Tier => tier;

/**
 * Of which tiers a function waits for memory. Of two, where an instance has a part on each: what is
 * there of one is nobody's before it while the other is wanting, or it might never have both.
 */
function waitedTiers({ spec }: FunctionState, short: Shortage): readonly Tier[] {
  const tier = shortTier(short);
  const tiers = dividedTiers(spec);
  if (!tiers) return [tier];
  const both = [regionTier(spec), tierOf(tiers.far_node)];
  return both.includes(tier) ? both : [tier];
}

/** Which other function waits longer for memory of these tiers than this invocation; null: none. */
export function waitsLonger(
  draft: Draft,
  fn: FunctionState,
  invocation: QueuedInvocation | null,
  tiers: readonly Tier[],
): string | null {
  if (draft.short.length === 0) return null;
  const first = draft.short.find((name) => {
    if (name === fn.spec.name) return false;
    const other = readFunction(draft, name);
    return other?.short && waitedTiers(other, other.short).some((tier) => tiers.includes(tier));
  });
  const short = first === undefined ? null : readFunction(draft, first)?.short;
  if (first === undefined || !short) return null;
  if (invocation === null || short.received_at_ms < invocation.received_at_ms) return first;
  return short.received_at_ms === invocation.received_at_ms && first < fn.spec.name ? first : null;
}

/** Bytes of its tier that functions before this one lack, its own included. */
export function lackedUntil(draft: Draft, fn: FunctionState, own: Shortage): number {
  let bytes = own.wanted_bytes;
  for (const name of draft.short) {
    const short = name === fn.spec.name ? null : readFunction(draft, name)?.short;
    if (!short || shortTier(short) !== shortTier(own)) continue;
    const before =
      short.received_at_ms < own.received_at_ms ||
      (short.received_at_ms === own.received_at_ms && name < fn.spec.name);
    if (before) bytes += short.wanted_bytes;
  }
  return bytes;
}

/** When the wait of the oldest is over. */
export function memoryWaitEnd(draft: Draft, { short }: FunctionState): number | null {
  if (!short) return null;
  return Math.max(short.received_at_ms, short.since_ms) + draft.config.memory_wait_ms;
}
