/**
 * A restart: this agent goes on with the state of an earlier one. What was under way is asked for
 * again, as the state says it: every request to a VMM or a guest is one that may come twice.
 * Nothing moves in a VM until it was adopted.
 */
import { kindOf } from '../model/operations.ts';
import type { FoundInstance } from '../model/events.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, InstanceState, VmState } from '../model/state.ts';
import {
  type Draft,
  editFunction,
  editInstance,
  editRegion,
  editVmsOf,
  readOperation,
} from './draft.ts';
import { doomInstance, findInstance } from './instances.ts';
import { refuseQueue } from './invocations.ts';
import { operationOrder } from './operations.ts';
import { timeoutOf } from './serving.ts';
import { tellDeployers } from './vms.ts';

/** All callers are gone with the earlier agent: what only waited for an instance is given up. */
export function restarted(draft: Draft): void {
  // In an order that does not depend on which was written first.
  for (const name of [...draft.state.functions.keys()].toSorted()) {
    const fn = editFunction(draft, name);
    if (!fn) continue;
    refuseQueue(draft, fn, 'failed', REFUSALS.restarted(name));
    for (const vm of editVmsOf(draft, fn)) restartVm(draft, fn, vm);
  }
}

function restartVm(draft: Draft, fn: FunctionState, vm: VmState): void {
  const { id: vm_id, phase, failure } = vm;
  if (phase === 'lost') return;
  if (phase === 'ending') {
    draft.actions.push({ type: 'shutdown-vm', vm_id, failure });
  } else if (phase === 'booting') {
    draft.actions.push({ type: 'launch-vm', vm_id, spec: fn.spec });
  } else {
    vm.phase = 'adopting';
    for (const { index } of vm.regions) noteTarget(draft, vm, index);
    draft.actions.push({ type: 'adopt-vm', vm_id, spec: fn.spec });
  }
}

/** The VMM may have taken the target of a plug whose end nobody saw. */
function noteTarget(draft: Draft, vm: VmState, index: number): void {
  const id = vm.regions[index]?.operation_id ?? null;
  const operation = id === null ? undefined : readOperation(draft, id);
  if (!operation || kindOf(operation) !== 'plug') return;
  const region = editRegion(draft, vm, index);
  region.target_bytes = Math.max(region.target_bytes, operation.to_bytes);
}

/** VMM and guest answer: what was under way in the VM goes on, and what ended unseen is told. */
export function adopted(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  found: readonly FoundInstance[] | null,
): void {
  if (vm.phase !== 'adopting') return;
  vm.phase = vm.ready_at_ms === null ? 'filling' : 'running';
  vm.unresponsive_since_ms = null;
  for (const { index } of vm.regions) askAgain(draft, fn, vm, index);
  const alive = new Set<string>();
  if (!found) for (const { id } of vm.instances) alive.add(id);
  for (const { instance_id, is_alive } of found ?? []) {
    if (is_alive) alive.add(instance_id);
    // Its last word was a stop, whose answer was seen: or nobody knows it.
    if (findInstance(vm, instance_id)) continue;
    draft.actions.push({ type: 'stop-instance', vm_id: vm.id, instance_id });
  }
  for (const instance of vm.instances) goOn(draft, fn, vm, { instance, alive });
  if (vm.phase === 'running') tellDeployers(draft, fn, vm);
}

/** What is in use by now is not asked for again: a new size will be, of the region as it is. */
function askAgain(draft: Draft, fn: FunctionState, vm: VmState, index: number): void {
  const { operation_id = null, used_bytes = null } = vm.regions[index] ?? {};
  const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
  if (!operation) return;
  if (operation.cause === 'shrink' && operation.to_bytes < (used_bytes ?? 0)) {
    const region = editRegion(draft, vm, index);
    draft.operations.set(operation.id, null);
    region.operation_id = null;
    region.hold_until_ms = draft.now_ms + draft.config.resize_hold_ms;
    return;
  }
  draft.actions.push({ type: 'resize-region', order: operationOrder(fn, operation) });
}

function goOn(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { instance, alive }: { readonly instance: InstanceState; readonly alive: ReadonlySet<string> },
): void {
  const { id: instance_id, region_index, operation_id, invocation } = instance;
  const about = { vm_id: vm.id, instance_id };
  if (instance.start_pending) {
    const region_id = vm.regions[region_index]?.id ?? '';
    const place = { region_id, region_index, operation_id };
    draft.actions.push({ type: 'start-instance', ...about, spec: fn.spec, ...place });
  }
  if (instance.stop_pending) draft.actions.push({ type: 'stop-instance', ...about });
  if (instance.start_pending || instance.phase === 'stopping') return;
  if (!alive.has(instance_id)) {
    const edited = editInstance(draft, vm, instance);
    return doomInstance(draft, fn, vm, edited, REFUSALS.endedUnseen(instance_id));
  }
  if (!invocation) return;
  const { request_id } = invocation;
  const ran_ms = draft.now_ms - instance.assigned_at_ms;
  const deadline_ms = Math.max(0, timeoutOf(draft, fn, invocation) - ran_ms);
  draft.actions.push({ type: 'await-invocation', ...about, request_id, deadline_ms });
}
