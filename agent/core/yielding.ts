/**
 * Reclaim yields the CPU: while all that a VM does is end instances and give memory back that
 * nobody waits for, its VMM runs behind everything else on the host. A call of a neighbour goes
 * before it, and a CPU that nobody needs is used in full. It ends with the first step in which
 * somebody waits, or after the bound of an unplug's wait, for each of the two.
 */
import { classOf, isWaiting } from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import type { FunctionState, InstanceState, VmState } from '../model/state.ts';
import { recordYield } from './ask.ts';
import { type Draft, readFunction, readOperation, readVm } from './draft.ts';
import { earlier } from './wakes.ts';

/** Tells whose VMMs yield from now on, at the end of every step; when the first of them is over. */
export function settleYields(draft: Draft): number | null {
  const { yielding: before } = draft.queue;
  if (!draft.config.queue.yields) return null;
  const looked = touched(draft, before);
  if (looked.size === 0) return null;
  const after: string[] = [];
  let wake_ms: number | null = null;
  for (const vm_id of looked) {
    const found = yieldOf(draft, vm_id);
    const was = before.includes(vm_id);
    if (found) {
      after.push(vm_id);
      wake_ms = earlier(wake_ms, found.until_ms);
      if (was) continue;
      draft.actions.push({ type: 'yield-cpu', vm_id, yields: true });
      recordYield(draft, found.fn, vm_id);
    } else if (was) {
      draft.actions.push({ type: 'yield-cpu', vm_id, yields: false });
    }
  }
  if (after.length + before.length > 0) draft.queue = { ...draft.queue, yielding: after };
  return wake_ms;
}

/** VMs in which this step may have changed something, and those that yield. */
function touched(draft: Draft, yielding: readonly string[]): ReadonlySet<string> {
  const ids = new Set(yielding);
  for (const id of draft.vms.keys) ids.add(id);
  for (const operation of draft.operations.rows) if (operation) ids.add(operation.vm_id);
  return ids;
}

interface Yield {
  readonly fn: FunctionState;
  readonly until_ms: number;
}

/** Null: it does not. */
function yieldOf(draft: Draft, vm_id: string): Yield | null {
  const vm = readVm(draft, vm_id);
  const fn = vm && readFunction(draft, vm.function);
  if (!vm || !fn || draft.short.length > 0 || draft.pressure.level !== 'none') return null;
  if (!isEnding(vm) || isWaitedFor(fn) || isAtWork(vm)) return null;
  let until_ms: number | null = null;
  for (const instance of vm.instances) until_ms = earlier(until_ms, endsUntil(draft, instance));
  for (const { operation_id } of vm.regions) {
    const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
    if (!operation) continue;
    if (isUrgent(operation)) return null;
    if (isWaiting(operation)) continue;
    until_ms = earlier(until_ms, yieldsUntil(draft, operation));
  }
  return until_ms !== null && until_ms > draft.now_ms ? { fn, until_ms } : null;
}

/** Whether anything ends or changes in it; mostly nothing does, and the rest is not asked. */
function isEnding({ instances, regions }: VmState): boolean {
  for (const region of regions) if (region.operation_id !== null) return true;
  for (const instance of instances) if (instance.phase === 'stopping') return true;
  return false;
}

/** What its process had is freed by the guest before it can be given back; null: it goes on. */
function endsUntil({ config }: Draft, { phase, stop_at_ms }: InstanceState): number | null {
  return phase === 'stopping' && stop_at_ms !== null
    ? stop_at_ms + config.queue.wait_ms.reclaim
    : null;
}

/** Calls wait for what the function has, somebody for its end, or it is promised to be quick. */
function isWaitedFor({ spec, phase, queue, waiters }: FunctionState): boolean {
  if (spec.reclaim_slo) return true;
  return phase !== 'serving' || queue.length > 0 || waiters.drain.length > 0;
}

/** Something else is done in it, or is to be, for which somebody may wait. */
function isAtWork({
  phase,
  retiring,
  unresponsive_since_ms,
  instances,
  regions,
}: VmState): boolean {
  if (phase !== 'running' || retiring || unresponsive_since_ms !== null) return true;
  if (instances.some((one) => one.phase === 'starting' || one.phase === 'busy')) return true;
  return regions.some(({ span, named }) => span?.want || named?.opened_at_ms === null);
}

/** What others wait for, and what a promise was made of. */
function isUrgent(operation: OperationState): boolean {
  const { cause, promised_ms } = operation;
  return classOf(operation) !== 'reclaim' || cause === 'pressure' || promised_ms !== undefined;
}

/** It may be slowed down for as long as it may wait for its turn, whose waits are apart. */
function yieldsUntil({ config }: Draft, { decided_at_ms, held_ms = 0 }: OperationState): number {
  return decided_at_ms + held_ms + config.queue.wait_ms.reclaim;
}
