/** What Status tells of the queue of operations and of promises about memory. Pure. */
import { GIB } from '../../base/units.ts';
import { unplugMs } from '../model/pace.ts';
import type { QueueStatus, ReclaimStatus } from '../model/queue-messages.ts';
import { keptPercent, NO_RECLAIMS } from '../model/reclaim.ts';
import type { FunctionState, HostState } from '../model/state.ts';

export function queueStatus({ queue, config }: HostState): QueueStatus {
  const { waiting, heavy, tokens, slowdown } = queue;
  const { tokens_max, step_bytes } = config.queue;
  return { waiting, heavy, tokens, tokens_max, slowdown, step_bytes };
}

/** Null: it promises nothing. */
export function reclaimStatus({ spec, reclaim, pace }: FunctionState): ReclaimStatus | null {
  if (!spec.reclaim_slo) return null;
  const { ms_per_gib, percentile } = spec.reclaim_slo;
  const tally = reclaim ?? NO_RECLAIMS;
  const predicted_ms_per_gib = unplugMs(pace, GIB, percentile);
  return {
    ms_per_gib,
    percentile,
    ...tally,
    kept_percent: keptPercent(tally),
    predicted_ms_per_gib,
  };
}
