/**
 * Fixed keep-alive that stops in batches: what is idle for too long waits until so many are that
 * their memory goes back in one large move, or until the first has waited for long enough. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';

/** So many at once; chosen: a guest's VMM moves whole GiB as quickly as parts of one. */
export const BATCH = 4;
/** The first is kept no longer than this beyond its time. */
const BATCH_DELAY_MS = 30_000;

/** When a batch whose first and fourth are due at these times ends; null: there is no such one. */
export function batchDueMs(first_ms: number, fourth_ms: number | null): number {
  const late_ms = first_ms + BATCH_DELAY_MS;
  return fourth_ms === null ? late_ms : Math.min(late_ms, fourth_ms);
}

export const BATCHED_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'batched',
  scale: (view) => {
    const base = DEFAULT_POLICY.scale(view);
    const idle: { vm_id: string; instance_id: string; due_ms: number }[] = [];
    for (const { id: vm_id, instances } of view.vms) {
      for (const { id: instance_id, phase, idle_since_ms } of instances) {
        if (phase !== 'idle') continue;
        idle.push({ vm_id, instance_id, due_ms: idle_since_ms + view.spec.keep_alive_ms });
      }
    }
    idle.sort((a, b) => a.due_ms - b.due_ms);
    const [first] = idle;
    if (!first) return base;
    const at_ms = batchDueMs(first.due_ms, idle[BATCH - 1]?.due_ms ?? null);
    const quiet_ms = view.spec.max_vms > 1 ? base.wake_at_ms : null;
    const stops = at_ms <= view.now_ms ? idle.filter(({ due_ms }) => due_ms <= view.now_ms) : [];
    const left = idle[stops.length];
    const next_ms = left
      ? batchDueMs(left.due_ms, idle[stops.length + BATCH - 1]?.due_ms ?? null)
      : null;
    const wake_at_ms =
      next_ms === null || quiet_ms === null ? (next_ms ?? quiet_ms) : Math.min(next_ms, quiet_ms);
    return { ...base, stops, wake_at_ms };
  },
};
