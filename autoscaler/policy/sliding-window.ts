/**
 * Sliding-window ageing: time is cut into buckets, an instance is of the bucket in which it was
 * used last, and it is kept while that bucket is one of the newest. All of a bucket leave at once,
 * so that memory goes back in few large steps. Figures of InfiniStore (Zhang et al., VLDB 2023):
 * buckets of 10 minutes, the newest 6 are active. What is no longer active ends; with the degraded
 * buckets that come after it is degraded-window.ts. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { agedStops } from './ageing.ts';

export const BUCKET_MS = 600_000;
export const ACTIVE_BUCKETS = 6;

/** When what was used last at this moment is active no more. */
export function activeUntilMs(used_ms: number): number {
  return (Math.floor(used_ms / BUCKET_MS) + ACTIVE_BUCKETS) * BUCKET_MS;
}

export const SLIDING_WINDOW_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'sliding-window',
  scale: (view) => {
    const base = DEFAULT_POLICY.scale(view);
    const aged = agedStops(view, ({ idle_since_ms }) => activeUntilMs(idle_since_ms));
    // Of VMs beyond the first the default decides, which then has to be asked in its own time.
    if (view.spec.max_vms === 1 || base.wake_at_ms === null) return { ...base, ...aged };
    return { ...base, ...aged, wake_at_ms: Math.min(base.wake_at_ms, aged.wake_at_ms ?? Infinity) };
  },
};
