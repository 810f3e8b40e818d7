/** Operations: resizes sent to a region, one at a time, and what their results do to the book. */
import { assert } from '../../base/assert.ts';
import type { ResizeOutcome } from '../model/events.ts';
import type { OperationState } from '../model/operations.ts';
import type { Refusal } from '../model/refusals.ts';
import { spanAt } from '../model/spec.ts';
import {
  type FunctionState,
  type InstanceState,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { type Draft, newId } from './draft.ts';
import { operationOrder, withSteps } from './orders.ts';
import { growPermit, setPermit, shrinkPermit } from './permits.ts';
import { pressedTo } from './pressed.ts';
import { withPromise } from './promise.ts';
import { dropOperation, offer } from './queue.ts';

/** Where a region is, and what is to be done with it. */
export interface Intent {
  readonly fn: FunctionState;
  readonly vm: VmState;
  readonly region: RegionState;
  readonly cause: OperationState['cause'];
  readonly to_bytes: number;
  /** The instance behind it: holder to be, holder, or the one that has just gone. */
  readonly instance: Pick<InstanceState, 'id' | 'stop_at_ms' | 'gone_at_ms'> | null;
}

/** The instance behind an intent, of whose end nothing is known. */
export const instanceBehind = (id: string): NonNullable<Intent['instance']> => ({
  id,
  stop_at_ms: null,
  gone_at_ms: null,
});

function operationFor(draft: Draft, intent: Intent): OperationState {
  const { vm, region, cause, to_bytes, instance } = intent;
  const want = cause === 'grow' ? region.span?.want : null;
  return {
    id: newId(draft, 'op'),
    vm_id: vm.id,
    region_id: region.id,
    region_index: region.index,
    cause,
    instance_id: instance?.id ?? null,
    from_bytes: region.plugged_bytes,
    to_bytes,
    decided_at_ms: draft.now_ms,
    stop_at_ms: instance?.stop_at_ms ?? null,
    gone_at_ms: instance?.gone_at_ms ?? null,
    wanted_at_ms: want?.said_at_ms ?? null,
    heard_at_ms: want?.heard_at_ms ?? null,
    ...spanOf(intent),
  };
}

/** Of an operation that opens a span, or follows its end. */
function spanOf(
  intent: Intent,
): Partial<Pick<OperationState, 'span' | 'wanted_at_ms' | 'heard_at_ms'>> {
  const { fn, vm, region, cause } = intent;
  const span = cause === 'open' || cause === 'close' ? spanAt(vmSpec(fn, vm), region.index) : null;
  if (!span) return {};
  const { said_at_ms = null, asked_at_ms = null } = region.named ?? {};
  const said = { wanted_at_ms: said_at_ms, heard_at_ms: asked_at_ms };
  return { span: span.name, ...(cause === 'open' && said) };
}

function send(draft: Draft, intent: Intent, operation: OperationState): void {
  const { region, vm } = intent;
  assert(region.operation_id === null, 'one resize of a region at a time');
  assert(vm.phase === 'running' || vm.phase === 'filling', 'only a VM that serves is resized');
  region.operation_id = operation.id;
  region.retry_at_ms = null;
  region.hold_until_ms = null;
  region.ready = false;
  if (region.prepared_bytes) region.prepared_bytes = null;
  region.keep_until_ms = null;
  const spec = vmSpec(intent.fn, vm);
  const promised = withPromise(draft, intent.fn, operation);
  offer(draft, spec, withSteps(draft, { spec, pace: intent.fn.pace }, region, promised));
}

/** Takes the permit and asks for more; a refusal is recorded, and nothing has changed. */
export function plug(draft: Draft, intent: Intent): Refusal | null {
  const failure =
    pressedTo(draft, intent.cause) ?? growPermit(draft, intent.region, intent.to_bytes);
  if (failure) recordRefused(draft, intent, failure);
  else send(draft, intent, operationFor(draft, intent));
  return failure;
}

/** Records a plug that is not tried, or not any longer; nothing has changed. */
export function recordRefused(draft: Draft, intent: Intent, failure: Refusal): void {
  const order = operationOrder(vmSpec(intent.fn, intent.vm), operationFor(draft, intent));
  draft.actions.push({ type: 'record-refusal', order, failure });
}

/** Asks for everything back from a region nobody holds. */
export function empty(draft: Draft, intent: Omit<Intent, 'to_bytes'>): void {
  assert(intent.region.holder === null, 'a region in use is never emptied');
  const whole = { ...intent, to_bytes: 0 };
  send(draft, whole, operationFor(draft, whole));
}

/** Asks a holder for what it does not use; never for what it is known to use. */
export function shrink(draft: Draft, intent: Intent): void {
  const { region, to_bytes } = intent;
  assert(region.holder !== null, 'only a region in use is shrunk');
  assert(region.used_bytes !== null, 'what is not known to be free is not asked for');
  assert(to_bytes >= region.used_bytes && to_bytes > 0, 'nothing in use is unplugged');
  send(draft, intent, operationFor(draft, intent));
}

/** Asks a part of a holder's memory for what another part has gained; never for what is used. */
export function cede(draft: Draft, intent: Intent): void {
  const { region, to_bytes } = intent;
  assert(region.holder !== null, 'only a region in use cedes');
  assert(to_bytes >= (region.used_bytes ?? 1), 'nothing in use is unplugged');
  send(draft, intent, operationFor(draft, intent));
}

/** Books the VMM's word; reports the impossible instead of hiding it. */
export function bookPlugged(
  draft: Draft,
  vm: VmState,
  region: RegionState,
  plugged_bytes: number,
): void {
  region.plugged_bytes = plugged_bytes;
  if (plugged_bytes <= region.permit_bytes) return;
  draft.actions.push({
    type: 'report',
    level: 'error',
    code: 'HP_AGENT_BOOK_EXCEEDED',
    function: vm.function,
    vm_id: vm.id,
    message:
      `region ${region.id} has ${plugged_bytes} bytes plugged, more than its permit of ` +
      `${region.permit_bytes}; the book now counts them.`,
  });
  setPermit(draft, region, plugged_bytes);
}

/** It ended, however: the region is free for the next, and the VMM's word is booked. */
export function operationEnded(
  draft: Draft,
  vm: VmState,
  region: RegionState,
  result: ResizeOutcome,
): void {
  assert(region.operation_id !== null, 'an operation that ends was under way');
  dropOperation(draft, region.operation_id);
  region.operation_id = null;
  bookPlugged(draft, vm, region, result.plugged_bytes);
}

/**
 * A plug ended. The permit stays whole whatever came of it: the VMM's target may stand, so the
 * guest may still plug the rest; only an unplug gives it back.
 */
export function plugEnded(region: RegionState, { to_bytes }: OperationState): void {
  region.target_bytes = Math.max(region.target_bytes, to_bytes);
}

/**
 * A growth ended. One that the VMM refused outright has changed nothing, so what was granted for it
 * comes back at once; after any other end the target may stand.
 */
export function growthEnded(
  draft: Draft,
  region: RegionState,
  operation: OperationState,
  { outcome, accepted }: ResizeOutcome,
): void {
  if (outcome === 'refused' && !accepted) shrinkPermit(draft, region);
  else plugEnded(region, operation);
}

/**
 * An unplug ended, whole or in part. Once the VMM accepted the target, plugged can only fall
 * towards it, so the permit shrinks to what is left; before that it stays.
 */
export function unplugEnded(
  draft: Draft,
  region: RegionState,
  { to_bytes }: OperationState,
  { outcome, accepted }: ResizeOutcome,
): void {
  if (!accepted || outcome === 'failed') return;
  region.target_bytes = to_bytes;
  shrinkPermit(draft, region);
}
