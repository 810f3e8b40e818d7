/**
 * Sliding-window ageing: an instance is of the bucket in which it was used last, and it is kept
 * while that bucket is one of the active ones of window.ts. What is no longer active ends; with the
 * degraded buckets that come after it is degraded-window.ts, and with a number that calls want
 * ready it is pool.ts. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { agedStops } from './ageing.ts';
import { ACTIVE_BUCKETS, leavesAtMs } from './window.ts';

/** When what was used last at this moment is active no more. */
export const activeUntilMs = (used_ms: number): number => leavesAtMs(used_ms, ACTIVE_BUCKETS);

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
