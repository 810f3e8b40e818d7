/** What must hold of updates, reckoned apart from the core. */
import type { Action } from '../../../agent/model/actions.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { HostState, VmState } from '../../../agent/model/state.ts';
import { hasFar } from './tiered.ts';

/** What VMs are from their launch to their end, whatever becomes of their functions. */
export class Launched {
  readonly #specs = new Map<string, FunctionSpec>();

  /** Throws where a VM is taken for what it is not, or one in service ends for nothing better. */
  check(before: HostState, after: HostState, actions: readonly Action[], event: HostEvent): void {
    for (const action of actions) this.#checkAction(action);
    for (const vm of after.vms.values()) this.#checkVm(vm, after);
    checkRetired(before, after, event);
  }

  #checkAction(action: Action): void {
    if (action.type === 'launch-vm' && !this.#specs.has(action.vm_id)) {
      this.#specs.set(action.vm_id, action.spec);
    }
    if (!('spec' in action)) return;
    const was = this.#specs.get(action.vm_id);
    if (!was) return;
    for (const field of ['mechanism', 'concurrency', 'limit_bytes', 'boot_bytes'] as const) {
      if (was[field] !== action.spec[field]) {
        throw new Error(`${action.vm_id}: ${action.type} with another ${field} than its launch`);
      }
    }
  }

  #checkVm({ id, phase, regions, outdated }: VmState, { functions }: HostState): void {
    const was = this.#specs.get(id);
    if (!was || phase === 'lost') return;
    const count = was.concurrency * (1 + was.spans.length + (hasFar(was) ? 1 : 0));
    if (regions.length !== count) throw new Error(`${id}: its regions changed`);
    const fn = functions.get(was.name);
    const is_alike =
      fn?.spec.concurrency === was.concurrency && fn.spec.mechanism === was.mechanism;
    if (fn && !outdated && !is_alike) throw new Error(`${id}: it is of another definition`);
  }
}

/** An update ends the service of a VM only where one of the new definition has begun it. */
function checkRetired(before: HostState, after: HostState, event: HostEvent): void {
  // What is drained ends anyhow, the successor too.
  if (event.type === 'drain' || after.cordon?.drains) return;
  for (const { id, function: name, retiring } of after.vms.values()) {
    if (!retiring || retiring.failure || before.vms.get(id)?.retiring) continue;
    const others = [...after.vms.values()].filter((vm) => vm.function === name && vm.id !== id);
    const has_heir = others.some((vm) => vm.phase === 'running' && !vm.retiring && !vm.outdated);
    if (!has_heir) throw new Error(`${id} retires, and nothing has taken its place`);
  }
}
