/**
 * The pool by one price: an idle instance stays for as long as a cold plug is worth it, by how long
 * instances of its function were idle until they were used, and no longer than the active buckets
 * are. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { FunctionView, Scale } from '../../agent/core/policy.ts';
import type { PoolSpec } from '../../agent/model/pool-spec.ts';
import { countInstances } from './idle-instances.ts';
import { keptForMs } from './pool-price.ts';

export function scaleByPrice(view: FunctionView, pool: PoolSpec, worth_gib_s: number): Scale {
  const base = DEFAULT_POLICY.scale(view);
  const { now_ms, spec, pace } = view;
  const { idle } = countInstances(view);
  const window_ms = pool.bucket_ms * pool.active_buckets;
  const price = { bytes: spec.limit_bytes, worth_gib_s };
  const kept_ms = idle.length > 0 ? keptForMs(pace.idle_rests.tally, price, window_ms) : 0;
  const stops = idle.filter(({ since_ms }) => since_ms + kept_ms <= now_ms).toReversed();
  // The one idle longest is the next to end.
  const next = idle[idle.length - stops.length - 1];
  const next_ms = next === undefined ? Infinity : next.since_ms + kept_ms;
  const wake_ms = Math.min(next_ms, (spec.max_vms > 1 ? base.wake_at_ms : null) ?? Infinity);
  return {
    ...base,
    stops,
    warm: 0,
    plugged: 0,
    wake_at_ms: wake_ms < Infinity ? wake_ms : null,
    because: () =>
      `a cold plug is worth ${worth_gib_s} GiB s: idle instances stay for ${Math.round(kept_ms)} ms`,
  };
}
