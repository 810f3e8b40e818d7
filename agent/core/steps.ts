/**
 * Steps: an unplug that gives back more than a step is asked for bit by bit. Between two of them
 * what came back is booked, others may go first, and it may end: its region is then free, with what
 * is left in it, for whoever wanted it; otherwise the rest is given back later.
 */
import { assert } from '../../base/assert.ts';
import type { ResizeOutcome } from '../model/events.ts';
import { finalBytes, isWaiting } from '../model/operation-queue.ts';
import { kindOf, type OperationState } from '../model/operations.ts';
import { withUnplug } from '../model/pace.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { recordQueue } from './ask.ts';
import { type Draft, editRegion, readOperation } from './draft.ts';
import { bookPlugged, unplugEnded } from './operations.ts';
import { nextStep, operationOrder } from './orders.ts';
import { withdrawPromise } from './promise.ts';
import { dropOperation, leave, wait } from './queue.ts';
import { meterSpan, spanResized } from './spans.ts';

/** What a step is about. */
export interface Resizing {
  readonly fn: FunctionState;
  readonly vm: VmState;
  readonly region: RegionState;
  readonly operation: OperationState;
}

/** Whether this end of a step leaves another one to be made. */
export function isStep(operation: OperationState, { outcome }: ResizeOutcome): boolean {
  return outcome === 'done' && finalBytes(operation) < operation.to_bytes;
}

/** What a VMM and its guest took for what they gave back. */
export function notePace(
  draft: Draft,
  fn: FunctionState,
  operation: OperationState,
  { outcome, plugged_bytes }: ResizeOutcome,
): void {
  if (outcome !== 'done' || kindOf(operation) !== 'unplug') return;
  const took_ms = draft.now_ms - (operation.sent_at_ms ?? operation.decided_at_ms);
  fn.pace = withUnplug(fn.pace, took_ms, operation.from_bytes - plugged_bytes);
}

/** Books a step; the next one waits for its turn, unless somebody wants the region. */
export function stepEnded(draft: Draft, about: Resizing, result: ResizeOutcome): void {
  const { fn, vm, region, operation } = about;
  const { final_bytes } = operation;
  assert(final_bytes !== undefined, 'what has a next step knows where the last one goes');
  meterSpan(draft, fn, region);
  leave(draft, operation);
  bookPlugged(draft, vm, region, result.plugged_bytes);
  unplugEnded(draft, region, operation, result);
  const next = nextStep(draft, vmSpec(fn, vm), { ...operation, final_bytes }, region.plugged_bytes);
  wait(draft, next);
  if (operation.is_cut) endAtBorder(draft, { ...about, operation: next }, 'its region is wanted');
}

/**
 * Ends an operation that waits for its turn, as far as it came. What nobody holds is given back at
 * the next look, unless a start has taken it by then.
 */
export function endAtBorder(draft: Draft, about: Resizing, reason: string): void {
  const { fn, vm, region } = about;
  const operation = readOperation(draft, about.operation.id);
  assert(operation && isWaiting(operation), 'only what waits ends without its VMM');
  const waited_ms = draft.now_ms - (operation.waits_since_ms ?? draft.now_ms);
  const ended = { ...operation, held_ms: (operation.held_ms ?? 0) + waited_ms };
  const result = {
    outcome: 'partial',
    accepted: true,
    plugged_bytes: region.plugged_bytes,
    plugged_at_ms: null,
    error_code: null,
    reason,
  } as const;
  dropOperation(draft, operation.id);
  recordQueue(draft, fn, ended, { answer: 'end', because: reason });
  withdrawPromise(fn, ended);
  region.operation_id = null;
  if ((operation.steps ?? 0) > 0) {
    const order = operationOrder(vmSpec(fn, vm), { ...ended, to_bytes: region.plugged_bytes });
    draft.actions.push({ type: 'end-steps', vm_id: vm.id, order, reason });
    spanResized(draft, fn, region, { operation, result });
  }
  if (region.holder === null) region.retry_at_ms = draft.now_ms;
}

/** It is not to go on: at once where it waits, at the end of its step where it is under way. */
export function cutSteps(draft: Draft, about: Resizing, reason: string): void {
  const { vm, operation } = about;
  if (isWaiting(operation)) {
    return endAtBorder(
      draft,
      { ...about, region: editRegion(draft, vm, about.region.index) },
      reason,
    );
  }
  if (operation.is_cut || finalBytes(operation) >= operation.to_bytes) return;
  draft.operations.set(operation.id, { ...operation, is_cut: true });
  recordQueue(draft, about.fn, operation, { answer: 'cut', because: reason });
}

/** What its holder uses by now, or waits for more of, is not taken: such shrinks end. */
export function endUnwanted(draft: Draft, fn: FunctionState, vm: VmState): void {
  for (const region of vm.regions) {
    const { span, operation_id, used_bytes } = region;
    const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
    if (operation?.cause !== 'shrink' && operation?.cause !== 'cede') continue;
    const in_use = (used_bytes ?? 0) > finalBytes(operation);
    if (!span?.want && !in_use) continue;
    const reason = span?.want ? 'its holder waits for more' : 'it is in use by now';
    cutSteps(draft, { fn, vm, region, operation }, reason);
  }
}
