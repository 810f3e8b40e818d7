/** What the result of a resize means: looked up by its operation, told apart by its cause. */
import { assert, unreachable } from '../../base/assert.ts';
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import type { ResizeOutcome } from '../model/events.ts';
import { isWaiting } from '../model/operation-queue.ts';
import { kindOf, type OperationState } from '../model/operations.ts';
import { withPlug } from '../model/pace.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, RegionState, VmState } from '../model/state.ts';
import { type Draft, editInstance, editRegion, readOperation } from './draft.ts';
import { doomInstance, findInstance, readyWhenComplete } from './instances.ts';
import { endMove } from './moved.ts';
import { spanEmptied, spanOpened } from './named-spans.ts';
import { growthEnded, operationEnded, plugEnded, unplugEnded } from './operations.ts';
import { setPermit } from './permits.ts';
import { prepareAhead } from './prepare.ts';
import { notePromise } from './promise.ts';
import { retryLater } from './regions.ts';
import { spanResized } from './spans.ts';
import { isStep, notePace, stepEnded } from './steps.ts';
import { endVm, serve } from './vms.ts';

/** An operation the core has given up meanwhile (its VM is ending) means nothing any more. */
export function resized(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { id, result }: { readonly id: string; readonly result: ResizeOutcome },
): void {
  const operation = readOperation(draft, id);
  if (!operation || operation.vm_id !== vm.id || isWaiting(operation)) return;
  const region = editRegion(draft, vm, operation.region_index);
  assert(region.operation_id === id, 'a region and its operation agree');
  notePace(draft, fn, operation, result);
  if (isStep(operation, result)) {
    return stepEnded(draft, { fn, vm, region, operation }, result);
  }
  notePromise(draft, fn, operation, result);
  spanResized(draft, fn, region, { operation, result });
  operationEnded(draft, vm, region, result);
  const { cause } = operation;
  switch (cause) {
    case 'start':
      return started(draft, fn, vm, { region, operation, result });
    case 'fill':
      return filled(draft, fn, vm, { region, operation, result });
    case 'gain':
      if (result.outcome !== 'done') endMove(draft, vm, operation.instance_id);
      growthEnded(draft, region, operation, result);
      return holdUnlessDone(draft, region, result);
    case 'grow':
      growthEnded(draft, region, operation, result);
      return holdUnlessDone(draft, region, result);
    case 'shrink':
      unplugEnded(draft, region, operation, result);
      return holdUnlessDone(draft, region, result);
    case 'cede':
      ceded(draft, region, operation, result);
      return holdUnlessDone(draft, region, result);
    case 'open':
      return spanOpened(draft, fn, vm, { region, operation, result });
    case 'close':
      return spanEmptied(draft, vm, { region, operation, result });
    case 'pool':
      return pooled(draft, fn, vm, { region, operation, result });
    case 'stop':
    case 'retry':
    case 'pressure':
      unplugEnded(draft, region, operation, result);
      return retryLater(draft, vm, region);
    default:
      return unreachable(cause);
  }
}

interface Ended {
  readonly region: RegionState;
  readonly operation: OperationState;
  readonly result: ResizeOutcome;
}

function started(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, operation, result }: Ended,
): void {
  plugEnded(region, operation);
  const found = findInstance(vm, operation.instance_id ?? '');
  assert(found, 'an instance stays until the plug of its start has ended');
  const instance = editInstance(draft, vm, found);
  // All of it, of an instance that has two parts.
  const { plugged_at_ms } = result;
  instance.plugged_at_ms =
    plugged_at_ms === null ? null : Math.max(plugged_at_ms, instance.plugged_at_ms ?? 0);
  if (result.outcome === 'done') {
    fn.pace = withPlug(fn.pace, draft.now_ms - operation.decided_at_ms);
    return readyWhenComplete(draft, vm, instance);
  }
  const failure = REFUSALS.plugFailed(result.error_code, result.reason);
  return doomInstance(draft, fn, vm, instance, failure);
}

function filled(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, operation, result }: Ended,
): void {
  plugEnded(region, operation);
  if (result.outcome !== 'done') {
    return endVm(draft, fn, vm, REFUSALS.plugFailed(result.error_code, result.reason));
  }
  if (vm.regions.every(({ operation_id }) => operation_id === null)) serve(draft, fn, vm);
}

/** A region that could not be made ready is emptied again, like one with bytes left behind. */
function pooled(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, operation, result }: Ended,
): void {
  if (kindOf(operation) === 'unplug') {
    unplugEnded(draft, region, operation, result);
    return retryLater(draft, vm, region);
  }
  plugEnded(region, operation);
  region.ready = result.outcome === 'done';
  if (region.ready) return prepareAhead(draft, fn, vm, region);
  holdUnlessDone(draft, region, result);
  retryLater(draft, vm, region);
}

/** Where a block could not be ceded whole, all of it stays granted: it is plugged again. */
function ceded(
  draft: Draft,
  region: RegionState,
  operation: OperationState,
  result: ResizeOutcome,
): void {
  const { permit_bytes } = region;
  unplugEnded(draft, region, operation, result);
  const whole_bytes = roundUp(region.permit_bytes, MEMORY_BLOCK_BYTES);
  setPermit(draft, region, Math.min(permit_bytes, whole_bytes));
}

/** A size that was not reached is not asked for again at once. */
function holdUnlessDone(draft: Draft, region: RegionState, { outcome }: ResizeOutcome): void {
  if (outcome === 'done') return;
  region.hold_until_ms = draft.now_ms + draft.config.resize_hold_ms;
}
