/** What must hold of a host that is cordoned, reckoned apart from the core. */
import type { Action } from '../../../agent/model/actions.ts';
import type { HostState } from '../../../agent/model/state.ts';

/** Throws where anything new starts there, or it calls itself drained with a VM left. */
export function checkCordon(before: HostState, after: HostState, actions: readonly Action[]): void {
  const { cordon } = after;
  if (!cordon) return;
  for (const action of actions) {
    if (action.type === 'launch-vm' && !before.vms.has(action.vm_id)) {
      throw new Error(`${action.vm_id} is launched on a host that is cordoned`);
    }
    if (action.type === 'start-instance') {
      const known = before.vms.get(action.vm_id)?.instances ?? [];
      if (known.some(({ id }) => id === action.instance_id)) continue;
      throw new Error(`${action.instance_id} starts on a host that is cordoned`);
    }
  }
  if (cordon.drained_at_ms === null) return;
  for (const { id, phase } of after.vms.values()) {
    if (phase !== 'lost') throw new Error(`drained, and ${id} is ${phase}`);
  }
}
