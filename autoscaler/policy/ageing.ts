/** Which idle instances have become too old, by a rule of one's own. Pure. */
import type { FunctionView, InstanceView, Scale } from '../../agent/core/policy.ts';

/** Those that are due by now, and when the next one is; `dueOf`: when an idle one is to end. */
export function agedStops(
  { vms, now_ms }: FunctionView,
  dueOf: (instance: InstanceView) => number,
): Pick<Scale, 'stops' | 'wake_at_ms'> {
  const stops: { vm_id: string; instance_id: string }[] = [];
  let wake_at_ms: number | null = null;
  for (const { id, instances } of vms) {
    for (const instance of instances) {
      if (instance.phase !== 'idle') continue;
      const due_ms = dueOf(instance);
      if (due_ms <= now_ms) stops.push({ vm_id: id, instance_id: instance.id });
      else if (wake_at_ms === null || due_ms < wake_at_ms) wake_at_ms = due_ms;
    }
  }
  return { stops, wake_at_ms };
}
