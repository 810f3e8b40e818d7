/** Regions: which one to take, what to ask of the VMM, and what its answers mean. */
import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { OperationOrder } from '../model/actions.ts';
import { type Draft, newId } from './draft.ts';
import type { ResizeOutcome } from '../model/events.ts';
import { growPermit, shrinkPermit } from './permits.ts';
import type { Refusal } from '../model/refusals.ts';
import { regionBytes } from '../model/spec.ts';
import type { FunctionState, InstanceState, RegionState } from '../model/state.ts';

/**
 * The free region with the lowest index: the same few regions are used again and again, so the
 * others stay empty for as long as the load allows. A region with bytes left behind is free too.
 */
export function freeRegion(fn: FunctionState): RegionState | undefined {
  return fn.regions.find((region) => region.instance_id === null && region.operation_id === null);
}

function orderFor(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  part: Pick<OperationOrder, 'kind' | 'bytes' | 'instance_id' | 'with_start'>,
): OperationOrder {
  return {
    id: newId(draft, 'op'),
    function: fn.spec.name,
    mechanism: fn.spec.mechanism,
    vm_id: fn.vm_id,
    region_id: region.id,
    known_bytes: region.plugged_bytes,
    decided_at_ms: draft.now_ms,
    stop_at_ms: null,
    gone_at_ms: null,
    ...part,
  };
}

function send(draft: Draft, region: RegionState, order: OperationOrder): void {
  assert(region.operation_id === null, 'one resize of a region at a time');
  region.operation_id = order.id;
  region.retry_at_ms = null;
  draft.actions.push({ type: 'resize-region', order });
}

/** Takes the permit and asks for the plug; a refusal is recorded and nothing has changed. */
export function plugRegion(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  instance_id: string,
): Refusal | null {
  const bytes = regionBytes(fn.spec);
  const with_start = instance_id !== '';
  const order = orderFor(draft, fn, region, { kind: 'plug', bytes, instance_id, with_start });
  const failure = growPermit(draft, region, bytes);
  if (failure) {
    draft.actions.push({ type: 'record-refusal', order, failure });
    return failure;
  }
  send(draft, region, order);
  return null;
}

/** Asks for everything back. `ended` is the instance that used it, null when this is a retry. */
export function unplugRegion(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  ended: InstanceState | null,
): void {
  assert(region.instance_id === null, 'a region in use is never unplugged');
  const order = orderFor(draft, fn, region, {
    kind: 'unplug',
    bytes: 0,
    instance_id: ended?.id ?? '',
    with_start: false,
  });
  const stop_at_ms = ended?.stop_at_ms ?? null;
  send(draft, region, { ...order, stop_at_ms, gone_at_ms: ended?.gone_at_ms ?? null });
}

/** Books the VMM's word; reports the impossible instead of hiding it. */
function bookPlugged(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  plugged_bytes: number,
): void {
  region.plugged_bytes = plugged_bytes;
  if (plugged_bytes <= region.permit_bytes) return;
  draft.actions.push({
    type: 'report',
    level: 'error',
    code: 'HP_AGENT_BOOK_EXCEEDED',
    function: fn.spec.name,
    vm_id: fn.vm_id,
    message:
      `region ${region.id} has ${plugged_bytes} bytes plugged, more than its permit of ` +
      `${region.permit_bytes}; the book now counts them.`,
  });
  region.permit_bytes = plugged_bytes;
}

/**
 * A plug ended. The permit stays whole whatever came of it: the VMM's target stands, so the guest
 * may still plug the rest; only an unplug gives it back.
 */
export function plugEnded(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  result: ResizeOutcome,
): void {
  region.operation_id = null;
  bookPlugged(draft, fn, region, result.plugged_bytes);
}

/**
 * An unplug ended. Once the VMM accepted the target 0, plugged can only fall, so the permit shrinks
 * to what is still plugged; before that it stays. Bytes left behind are tried again, with growing
 * pauses and a last time.
 */
export function unplugEnded(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  result: ResizeOutcome,
): void {
  region.operation_id = null;
  bookPlugged(draft, fn, region, result.plugged_bytes);
  if (result.accepted && result.outcome !== 'failed') shrinkPermit(region);
  if (region.permit_bytes === 0) {
    region.unplug_attempts = 0;
    return;
  }
  region.unplug_attempts += 1;
  if (region.unplug_attempts >= LIMITS.unplug_attempts) return reportLeftover(draft, fn, region);
  const pause_ms = LIMITS.unplug_retry_ms * 2 ** (region.unplug_attempts - 1);
  region.retry_at_ms = draft.now_ms + pause_ms;
}

function reportLeftover(draft: Draft, fn: FunctionState, region: RegionState): void {
  draft.actions.push({
    type: 'report',
    level: 'warn',
    code: 'HP_AGENT_UNPLUG_GIVEN_UP',
    function: fn.spec.name,
    vm_id: fn.vm_id,
    message:
      `region ${region.id} still holds ${region.plugged_bytes} bytes after ` +
      `${region.unplug_attempts} unplugs; its permit stays until reuse, drain or remove.`,
  });
}

/** Nobody uses it and nobody will try to empty it any more. */
export function regionSettled(region: RegionState): boolean {
  return region.instance_id === null && region.operation_id === null && region.retry_at_ms === null;
}
