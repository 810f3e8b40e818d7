/** One step's working copy: only functions that are edited get copied. */
import type { Action } from '../model/actions.ts';
import type { Refusal } from '../model/refusals.ts';
import type { FunctionState, HostState } from '../model/state.ts';

export interface Draft {
  readonly limit_bytes: number;
  readonly earlier_vms: HostState['earlier_vms'];
  readonly vmm_overhead_bytes: number;
  readonly host_cpus: number | null;
  readonly now_ms: number;
  readonly functions: Map<string, FunctionState>;
  readonly edited: Set<string>;
  readonly actions: Action[];
  next_id: number;
}

export function openDraft(state: HostState, now_ms: number): Draft {
  return {
    limit_bytes: state.limit_bytes,
    earlier_vms: state.earlier_vms,
    vmm_overhead_bytes: state.vmm_overhead_bytes,
    host_cpus: state.host_cpus,
    now_ms,
    functions: new Map(state.functions),
    edited: new Set(),
    actions: [],
    next_id: state.next_id,
  };
}

export function closeDraft(draft: Draft): HostState {
  return {
    limit_bytes: draft.limit_bytes,
    earlier_vms: draft.earlier_vms,
    vmm_overhead_bytes: draft.vmm_overhead_bytes,
    host_cpus: draft.host_cpus,
    next_id: draft.next_id,
    functions: draft.functions,
  };
}

/** The editable copy of a function, or undefined when there is none of that name. */
export function edit(draft: Draft, name: string): FunctionState | undefined {
  const found = draft.functions.get(name);
  if (!found || draft.edited.has(name)) return found;
  const copy = {
    ...found,
    regions: found.regions.map((region) => ({ ...region })),
    instances: found.instances.map((instance) => ({ ...instance })),
    queue: [...found.queue],
    deploy_waiters: [...found.deploy_waiters],
    remove_waiters: [...found.remove_waiters],
    drains: found.drains.map((drain) => ({ ...drain })),
  };
  put(draft, copy);
  return copy;
}

export function put(draft: Draft, fn: FunctionState): void {
  draft.functions.set(fn.spec.name, fn);
  draft.edited.add(fn.spec.name);
}

/** The editable function whose present VM this is; undefined for news of a VM of the past. */
export function editByVm(draft: Draft, vm_id: string): FunctionState | undefined {
  for (const fn of draft.functions.values()) {
    if (fn.vm_id === vm_id && fn.phase !== 'lost') return edit(draft, fn.spec.name);
  }
  return undefined;
}

export function newId(draft: Draft, prefix: string): string {
  const id = `${prefix}${draft.next_id}`;
  draft.next_id += 1;
  return id;
}

export function replyError(draft: Draft, request_id: string, failure: Refusal): void {
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'error', failure } });
}
