/**
 * Warm calls: which idle instances of a function are offered to its policy for a call. Where the
 * share of near memory is chosen, those come first that have what is chosen for the call.
 */
import { dividedTiers } from '../model/tiers-spec.ts';
import type { FunctionState, QueuedInvocation } from '../model/state.ts';
import { mostBytesOf } from '../model/targets.ts';
import { nearShare, pickNear, shareForCall } from '../model/warm-share.ts';
import type { Draft } from './draft.ts';
import type { Candidate } from './policy.ts';

/** Idle instances for one call, and by what they were picked. */
interface OfferedIdle {
  readonly candidates: readonly Candidate[];
  /** For the record of the decision. */
  readonly inputs: Readonly<Record<string, number>>;
}

const NONE = {};

/** All of them where its definition has one share, or none. */
export function offerIdle(
  draft: Draft,
  { spec, pace, targets }: FunctionState,
  { deadline_at_ms }: QueuedInvocation,
  idle: readonly Candidate[],
): OfferedIdle {
  const tiers = dividedTiers(spec);
  if (!tiers?.table) return { candidates: idle, inputs: NONE };
  const bytes = mostBytesOf(spec, targets);
  const about = { bytes, pace, now_ms: draft.now_ms };
  const asked = deadline_at_ms === undefined ? about : { ...about, deadline_at_ms };
  const wanted = shareForCall(tiers.table, asked);
  if (!wanted) return { candidates: idle, inputs: NONE };
  const shareOf = ({ instance, region }: Candidate): number =>
    nearShare(instance ?? {}, region.tier, tiers.far_node);
  const { offered, near_enough } = pickNear(idle, wanted.share, shareOf);
  return { candidates: offered, inputs: { ...wanted, near_enough } };
}
