/** What must hold of bounds set for a function, reckoned apart from the core. */
import type { Action } from '../../../agent/model/actions.ts';
import type { HostState } from '../../../agent/model/state.ts';

/** Throws where an instance starts beyond the most that there may be. */
export function checkTargets(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
): void {
  for (const action of actions) {
    if (action.type !== 'start-instance' || isThere(before, action)) continue;
    const { name } = action.spec;
    const fn = after.functions.get(name);
    const most = fn?.targets?.values.instances_max ?? fn?.spec.instances?.max ?? Infinity;
    let present = 0;
    for (const { function: of, instances } of after.vms.values()) {
      if (of === name) present += instances.filter(({ phase }) => phase !== 'stopping').length;
    }
    if (present > most) throw new Error(`${name}: ${present} instances, of at most ${most}`);
  }
}

/** It was started before, and is asked for again after a restart. */
function isThere(
  { vms }: HostState,
  { vm_id, instance_id }: { vm_id: string; instance_id: string },
) {
  return vms.get(vm_id)?.instances.some(({ id }) => id === instance_id) ?? false;
}
