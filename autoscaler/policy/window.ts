/**
 * A window of buckets: time is cut into pieces of one length, and what was used last in one of them
 * ages together, so that memory goes back in few large steps. Figures of InfiniStore (Zhang et al.,
 * VLDB 2023): buckets of 10 minutes, the newest 6 are active, the 18 after them degraded. Pure.
 */
import { DEFAULT_POOL } from '../../agent/model/pool-spec.ts';

export const BUCKET_MS = DEFAULT_POOL.bucket_ms;
export const ACTIVE_BUCKETS = DEFAULT_POOL.active_buckets;
export const DEGRADED_BUCKETS = DEFAULT_POOL.degraded_buckets;

/** When what was used last at this moment is of the newest so many buckets no more. */
export function leavesAtMs(used_ms: number, buckets: number, bucket_ms = BUCKET_MS): number {
  return (Math.floor(used_ms / bucket_ms) + buckets) * bucket_ms;
}
