/** What a function's instances do, counted for a policy. Pure. */
import type { FunctionView } from '../../agent/core/policy.ts';

export interface IdleInstance {
  readonly vm_id: string;
  readonly instance_id: string;
  readonly since_ms: number;
}

export interface InstanceCounts {
  /** Those that do not end. */
  readonly alive: number;
  readonly busy: number;
  /** The one used last first. */
  readonly idle: readonly IdleInstance[];
}

/** Those of all its VMs. */
export function countInstances({ vms }: FunctionView): InstanceCounts {
  let [alive, busy] = [0, 0];
  const idle: IdleInstance[] = [];
  for (const { id: vm_id, instances } of vms) {
    for (const { id: instance_id, phase, idle_since_ms: since_ms } of instances) {
      if (phase !== 'stopping') alive += 1;
      if (phase === 'busy') busy += 1;
      if (phase === 'idle') idle.push({ vm_id, instance_id, since_ms });
    }
  }
  idle.sort((a, b) => b.since_ms - a.since_ms);
  return { alive, busy, idle };
}
