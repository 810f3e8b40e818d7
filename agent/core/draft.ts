/**
 * Draft: one step's working copy. Only what is edited gets copied: functions and VMs, and of a VM
 * the regions and instances in question. Whatever was read without an edit may not be changed.
 */
import { assert } from '../../base/assert.ts';
import type { Action } from '../model/actions.ts';
import { AlarmEdit } from '../model/alarms.ts';
import type { CoreConfig } from '../model/config.ts';
import type { CordonState } from '../model/cordon.ts';
import type { OperationState } from '../model/operations.ts';
import type { QueueState } from '../model/operation-queue.ts';
import type { HostMemoryTold, PressureState } from '../model/pressure.ts';
import type { Refusal } from '../model/refusals.ts';
import type {
  FunctionState,
  HostState,
  InstanceState,
  QueuedInvocation,
  RegionState,
  VmState,
} from '../model/state.ts';
import { Edits } from '../model/table.ts';
import type { TierBytes } from '../model/tiers.ts';
import type { Policy } from './policy.ts';

export interface Draft {
  readonly state: HostState;
  readonly config: CoreConfig;
  readonly now_ms: number;
  /** The agent's own, and others that targets may name. */
  readonly policy: Policy;
  readonly policies: ReadonlyMap<string, Policy>;
  /** Whether decisions are wanted by anybody. */
  readonly recording: boolean;
  /** Nothing may be granted: it could not be recorded. */
  readonly grants_closed: boolean;
  /** Edited rows by key; null: taken away. */
  readonly functions: Edits<FunctionState>;
  readonly vms: Edits<VmState>;
  readonly operations: Edits<OperationState>;
  readonly alarms: AlarmEdit;
  readonly actions: Action[];
  granted: TierBytes;
  /** See HostState, these seven. */
  told: HostMemoryTold | null;
  pressure: PressureState;
  cordon: CordonState | null;
  dags: HostState['dags'];
  queue: QueueState;
  short: readonly string[];
  running: number;
  next_id: number;
  /** What policies remember now, by their names. */
  memories: HostState['policy_state'];
  /** The invocation this event brought; only it may be refused for want of memory. */
  arrived: QueuedInvocation | null;
  /** Decisions taken in this step. */
  decisions: number;
}

/** How a step is made, beside what it is about. */
export interface StepContext {
  readonly policy: Policy;
  /** Others by name, for functions whose targets name one; absent: none. */
  readonly policies?: ReadonlyMap<string, Policy>;
  readonly recording: boolean;
  /** Nothing is granted now, whatever is free; absent: it is. */
  readonly grants_closed?: boolean;
}

const NO_POLICIES: ReadonlyMap<string, Policy> = new Map();

export function openDraft(state: HostState, now_ms: number, context: StepContext): Draft {
  return {
    state,
    config: state.config,
    now_ms,
    policy: context.policy,
    policies: context.policies ?? NO_POLICIES,
    recording: context.recording,
    grants_closed: context.grants_closed === true,
    functions: new Edits(state.functions),
    vms: new Edits(state.vms),
    operations: new Edits(state.operations),
    alarms: new AlarmEdit(state.alarms),
    actions: [],
    granted: state.granted,
    told: state.told,
    pressure: state.pressure,
    cordon: state.cordon,
    dags: state.dags,
    queue: state.queue,
    short: state.short,
    running: state.running,
    next_id: state.next_id,
    memories: state.policy_state,
    arrived: null,
    decisions: 0,
  };
}

export function closeDraft(draft: Draft): HostState {
  const { state } = draft;
  return {
    capacity: state.capacity,
    granted: draft.granted,
    next_id: draft.next_id,
    functions: state.functions.with(draft.functions),
    vms: state.vms.with(draft.vms),
    operations: state.operations.with(draft.operations),
    earlier_vms: state.earlier_vms,
    policy_state: draft.memories,
    told: draft.told,
    pressure: draft.pressure,
    cordon: draft.cordon,
    dags: draft.dags,
    queue: draft.queue,
    short: draft.short,
    running: draft.running,
    alarms: draft.alarms.close(),
    config: state.config,
  };
}

/** The function to look at; undefined when there is none of that name. */
export function readFunction(draft: Draft, name: string): FunctionState | undefined {
  return draft.functions.row(name);
}

/** The editable copy of a function, or undefined when there is none of that name. */
export function editFunction(draft: Draft, name: string): FunctionState | undefined {
  const edited = draft.functions.get(name);
  if (edited !== undefined) return edited ?? undefined;
  const found = draft.functions.unchanged(name);
  if (!found) return undefined;
  const copy = { ...found };
  draft.functions.replace(name, found, copy);
  return copy;
}

/** The VM to look at; undefined when there is none of that id. */
export function readVm(draft: Draft, id: string): VmState | undefined {
  return draft.vms.row(id);
}

/** The editable copy of a VM, or undefined when there is none of that id. */
export function editVm(draft: Draft, id: string): VmState | undefined {
  const edited = draft.vms.get(id);
  if (edited !== undefined) return edited ?? undefined;
  const found = draft.vms.unchanged(id);
  return found && copyVm(draft, found);
}

/** The editable copy of a VM of which this step has none yet. */
export function copyVm(draft: Draft, found: VmState): VmState {
  const copy = {
    ...found,
    regions: found.regions.slice(),
    instances: found.instances.slice(),
  };
  draft.vms.replace(found.id, found, copy);
  return copy;
}

/**
 * The editable copy of a region of an edited VM; what this step has copied or made is one itself.
 */
export function editRegion(draft: Draft, vm: VmState, index: number): RegionState {
  const found = vm.regions[index];
  assert(found, 'a region that is edited is there');
  if (found !== draft.vms.rowBefore(vm.id)?.regions[index]) return found;
  const copy = { ...found };
  vm.regions[index] = copy;
  return copy;
}

/** The same of an instance. */
export function editInstance(draft: Draft, vm: VmState, found: InstanceState): InstanceState {
  const place = vm.instances.indexOf(found);
  assert(place >= 0, 'an instance that is edited is there');
  if (!draft.vms.rowBefore(vm.id)?.instances.includes(found)) return found;
  const copy = { ...found };
  vm.instances[place] = copy;
  return copy;
}

/** The VMs of a function to look at. */
export function vmsOf(draft: Draft, fn: FunctionState): VmState[] {
  return fn.vm_ids.map((id) => {
    const vm = readVm(draft, id);
    assert(vm, 'a function knows only VMs that are there');
    return vm;
  });
}

/** The editable copies of a function's VMs. */
export function editVmsOf(draft: Draft, fn: FunctionState): VmState[] {
  for (const id of fn.vm_ids) editVm(draft, id);
  return vmsOf(draft, fn);
}

/** The same of those that this step has edited; nothing in the place of each other. */
export function editedVmsOf(draft: Draft, fn: FunctionState): (VmState | null | undefined)[] {
  return fn.vm_ids.map((id) => draft.vms.get(id));
}

/** The resize in flight of that id; undefined when there is none, or none any more. */
export function readOperation(draft: Draft, id: string): OperationState | undefined {
  return draft.operations.row(id);
}

export function newId(draft: Draft, prefix: string): string {
  const id = `${prefix}${draft.next_id}`;
  draft.next_id += 1;
  return id;
}

export function replyError(draft: Draft, request_id: string, failure: Refusal): void {
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'error', failure } });
}
