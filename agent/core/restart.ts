/**
 * A restart: this agent goes on with the state of an earlier one. What was under way is asked for
 * again, as the state says it: every request to a VMM or a guest is one that may come twice.
 * Nothing moves in a VM until it was adopted.
 */
import { finalBytes, isWaiting } from '../model/operation-queue.ts';
import { kindOf } from '../model/operations.ts';
import type { FoundInstance, ResizeOutcome } from '../model/events.ts';
import type { FoundSpan } from '../model/named-span.ts';
import { standsOn } from '../model/pool.ts';
import { REFUSALS } from '../model/refusals.ts';
import { type FunctionState, type InstanceState, vmSpec, type VmState } from '../model/state.ts';
import {
  type Draft,
  editFunction,
  editInstance,
  editRegion,
  editVmsOf,
  readOperation,
} from './draft.ts';
import { doomInstance, farStart, findInstance } from './instances.ts';
import { refuseQueue } from './invocations.ts';
import { spansFound } from './named-spans.ts';
import { operationOrder } from './orders.ts';
import { prepareAhead } from './prepare.ts';
import { resized } from './resized.ts';
import { timeoutOf } from './serving.ts';
import { endAtBorder } from './steps.ts';
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
    draft.actions.push({ type: 'launch-vm', vm_id, spec: vmSpec(fn, vm) });
  } else {
    vm.phase = 'adopting';
    for (const { index } of vm.regions) noteTarget(draft, vm, index);
    draft.actions.push({ type: 'adopt-vm', vm_id, spec: vmSpec(fn, vm) });
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
  {
    instances: found,
    spans = [],
  }: {
    readonly instances: readonly FoundInstance[] | null;
    readonly spans?: readonly FoundSpan[];
  },
): void {
  if (vm.phase !== 'adopting') return;
  vm.phase = vm.ready_at_ms === null ? 'filling' : 'running';
  vm.unresponsive_since_ms = null;
  for (const { index } of vm.regions) askAgain(draft, fn, vm, index);
  // Whether a prepare was over, nobody may have heard.
  for (const region of vm.regions) {
    if (standsOn(region) === 'plugged') prepareAhead(draft, fn, vm, region);
  }
  const alive = new Map<string, boolean>();
  if (!found) for (const { id } of vm.instances) alive.set(id, true);
  for (const { instance_id, is_alive } of found ?? []) {
    alive.set(instance_id, is_alive);
    // Its last word was a stop, whose answer was seen: or nobody knows it.
    if (findInstance(vm, instance_id)) continue;
    draft.actions.push({ type: 'stop-instance', vm_id: vm.id, instance_id });
  }
  for (const instance of vm.instances) goOn(draft, fn, vm, { instance, alive });
  spansFound(draft, fn, vm, spans);
  if (vm.phase === 'running') tellDeployers(draft, fn, vm);
}

/**
 * What is in use by now, or under somebody who waits, is not asked for again: that shrink ended as
 * the region is, and a new size will be asked for.
 */
function askAgain(draft: Draft, fn: FunctionState, vm: VmState, index: number): void {
  const region = vm.regions[index];
  const id = region?.operation_id ?? null;
  const operation = id === null ? undefined : readOperation(draft, id);
  if (!region || !operation) return;
  if (isWaiting(operation)) {
    if (operation.cause !== 'shrink') return;
    const about = { fn, vm, region: editRegion(draft, vm, index), operation };
    return endAtBorder(draft, about, ENDED_BY_RESTART.reason ?? '');
  }
  const { used_bytes, plugged_bytes, span } = region;
  const unwanted = span?.want || finalBytes(operation) < (used_bytes ?? 0);
  if ((operation.cause === 'shrink' || operation.cause === 'cede') && unwanted) {
    const result = { ...ENDED_BY_RESTART, plugged_bytes };
    return resized(draft, fn, vm, { id: operation.id, result });
  }
  draft.actions.push({ type: 'resize-region', order: operationOrder(vmSpec(fn, vm), operation) });
}

/** Whether the VMM took its target is not known. */
const ENDED_BY_RESTART: Omit<ResizeOutcome, 'plugged_bytes'> = {
  outcome: 'failed',
  accepted: false,
  plugged_at_ms: null,
  error_code: null,
  reason: 'the agent restarted while it was under way',
};

function goOn(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  {
    instance,
    alive,
  }: { readonly instance: InstanceState; readonly alive: ReadonlyMap<string, boolean> },
): void {
  const { id: instance_id, region_index, operation_id, invocation } = instance;
  const about = { vm_id: vm.id, instance_id };
  if (instance.start_pending) {
    const region = vm.regions[region_index];
    const far = region && farStart(vm, region, instance.parts ?? null);
    const place = { region_id: region?.id ?? '', region_index, operation_id, ...far };
    draft.actions.push({ type: 'start-instance', ...about, spec: vmSpec(fn, vm), ...place });
  }
  if (instance.stop_pending) draft.actions.push({ type: 'stop-instance', ...about });
  if (instance.start_pending || instance.phase === 'stopping') return;
  const is_alive = alive.get(instance_id);
  // The guest keeps the last answer of one that has ended.
  if (is_alive === undefined || (!is_alive && !invocation)) {
    const edited = editInstance(draft, vm, instance);
    return doomInstance(draft, fn, vm, edited, REFUSALS.endedUnseen(instance_id));
  }
  if (!invocation) return;
  const left = is_alive ? 'alive' : 'ended';
  editInstance(draft, vm, instance).invocation = { ...invocation, left };
  const { request_id } = invocation;
  const ran_ms = draft.now_ms - instance.assigned_at_ms;
  const deadline_ms = Math.max(0, timeoutOf(draft, fn, invocation) - ran_ms);
  draft.actions.push({ type: 'await-invocation', ...about, request_id, deadline_ms });
}
