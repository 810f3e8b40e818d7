/**
 * The pool: one ladder from no memory to a running instance. Up goes what calls want ready, by
 * their rate; down what was not used, by a window of buckets: in the active ones as many instances
 * as calls want are kept idle, in the degraded ones after them as many regions plugged, and then
 * nothing. A function that is later than its calls ever were apart is not waited for: it goes down
 * earlier. What is above what calls want goes with the bucket after its own. Memory that somebody
 * waits for, or the host lacks, goes first to him: the core sees to that. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { FunctionView, Policy, Scale } from '../../agent/core/policy.ts';
import { durationPercentile } from '../../agent/model/durations.ts';
import { DEFAULT_POOL, POOL_POLICY_NAME, type PoolSpec } from '../../agent/model/pool-spec.ts';
import { withSizing } from './history.ts';
import { countInstances } from './idle-instances.ts';
import { scaleByPrice } from './pool-by-price.ts';
import { type PoolWants, poolWants } from './pool-want.ts';
import { leavesAtMs } from './window.ts';

/** Until when instances, and after them regions, are ready for a function. */
export interface PoolAges {
  readonly active_ms: number;
  readonly expires_ms: number;
}

/**
 * For the window, but no longer than so many of a hundred calls came after the one before, and
 * regions no longer than all of them did. What is not known yet shortens nothing.
 */
export function poolAges(
  used_ms: number,
  { call_rests }: Pick<FunctionView['pace'], 'call_rests'>,
  { bucket_ms, active_buckets, degraded_buckets, percentile }: PoolSpec,
): PoolAges {
  const endOf = (percent: number): number => {
    const gap_ms = durationPercentile(call_rests, percent);
    return gap_ms === null ? Infinity : leavesAtMs(used_ms + gap_ms, 1, bucket_ms);
  };
  const active_ms = leavesAtMs(used_ms, active_buckets, bucket_ms);
  const expires_ms = leavesAtMs(used_ms, active_buckets + degraded_buckets, bucket_ms);
  return {
    active_ms: Math.min(active_ms, endOf(percentile)),
    expires_ms: Math.min(expires_ms, endOf(100)),
  };
}

/** What calls do not want ready is idle until the bucket after its own is over. */
const SURPLUS_BUCKETS = 2;

function scaleByPool(view: FunctionView): Scale {
  const base = DEFAULT_POLICY.scale(view);
  const { now_ms, spec, pace } = view;
  const pool = spec.pool ?? DEFAULT_POOL;
  if (pool.worth_gib_s !== null) return scaleByPrice(view, pool, pool.worth_gib_s);
  const { alive, busy, idle } = countInstances(view);
  const { percentile } = pool;
  const wants = poolWants(pace, { now_ms, busy: busy + view.queued, percentile, spec });
  // Of one that was not called since this agent began, what is idle ages by itself.
  const used_ms = pace.called_at_ms ?? idle[0]?.since_ms ?? now_ms;
  const { active_ms, expires_ms } = poolAges(used_ms, pace, pool);
  const kept = wants === null ? idle.length : wants.instances - (alive - idle.length);
  const due = idle.filter(({ since_ms }, rank) => {
    if (rank < kept) return active_ms <= now_ms;
    return leavesAtMs(since_ms, SURPLUS_BUCKETS, pool.bucket_ms) <= now_ms;
  });
  const stops = due.toReversed();
  const is_active = wants !== null && now_ms < active_ms;
  const is_kept = wants !== null && now_ms < expires_ms;
  const held = is_active ? Math.max(alive, wants.instances) : alive - stops.length;
  // Rates and ages are looked at where a bucket ends.
  const looks = idle.length > stops.length || is_active || is_kept;
  const next_ms = looks ? leavesAtMs(now_ms, 1, pool.bucket_ms) : Infinity;
  const wake_ms = Math.min(next_ms, (spec.max_vms > 1 ? base.wake_at_ms : null) ?? Infinity);
  return {
    ...base,
    stops,
    warm: is_active ? wants.warm : 0,
    plugged: is_kept ? Math.max(0, wants.regions - held) : 0,
    wake_at_ms: wake_ms < Infinity ? wake_ms : null,
    because: () => poolReason(wants, { active_ms: active_ms - now_ms, percentile }),
  };
}

/** Why so many: what is wanted at once, and for how long it stays so without a call. */
function poolReason(
  wants: PoolWants | null,
  { active_ms, percentile }: { readonly active_ms: number; readonly percentile: number },
): string {
  const until =
    active_ms > 0 ? `for ${Math.round(active_ms)} ms without a call` : 'no call came for too long';
  if (wants === null) return `it was not called yet; what is idle stays ${until}`;
  const { instances, warm, regions } = wants;
  return (
    `${percentile} of 100 calls want ${instances} instances, ${warm} of them idle, and ` +
    `${regions} regions; ${until}`
  );
}

/** With sizes that follow use, for functions that say so. */
export const POOL_POLICY: Policy = withSizing(POOL_POLICY_NAME, {
  ...DEFAULT_POLICY,
  scale: scaleByPool,
});
