/**
 * Named spans: an instance asks for memory with a life of its own. It is plugged in a region of its
 * own, which the guest then opens; closed, or with its instance gone, it is emptied while the
 * instance runs on. What does not come within a bound is refused to the guest, and recorded.
 */
import { assert } from '../../base/assert.ts';
import { roundUp } from '../../base/units.ts';
import type { HostEvent, ResizeOutcome } from '../model/events.ts';
import {
  type FoundSpan,
  holderParts,
  isOfEarlier,
  sameAsking,
  spanHolder,
} from '../model/named-span.ts';
import type { OperationState } from '../model/operations.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import { sizeUnitBytes, spanRegion, spanWaitMs } from '../model/spec.ts';
import {
  type FunctionState,
  type InstanceState,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { sharesDevice } from './devices.ts';
import { type Draft, editRegion } from './draft.ts';
import { makeRoomToGrow } from './give-way.ts';
import {
  empty,
  growthEnded,
  instanceBehind,
  plug,
  recordRefused,
  unplugEnded,
} from './operations.ts';
import { askForTier } from './permits.ts';
import { pressedTo } from './pressed.ts';
import { isFree, retryLater } from './regions.ts';
import { noteDenied } from './span-tally.ts';

type Asked = Omit<Extract<HostEvent, { type: 'span-asked' }>, 'type' | 'vm_id'>;

interface Closed {
  readonly instance: InstanceState;
  readonly span: string;
  readonly serial: number | null;
}

/** An instance asks for a span. One that it has already was closed, and nobody heard. */
export function spanAsked(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { instance, asked }: { readonly instance: InstanceState; readonly asked: Asked },
): void {
  const { span: name, serial, bytes: asked_bytes, said_at_ms } = asked;
  const whom = { fn, vm, instance_id: instance.id };
  const refuse = (failure: Refusal): void => tellRefused(draft, whom, { name, serial }, failure);
  const spec = vmSpec(fn, vm);
  const index = spanRegion(spec, instance.region_index, name);
  const max_bytes = spec.spans.find((one) => one.name === name)?.max_bytes ?? 0;
  const known = spec.spans.map((one) => one.name);
  if (index === null || !vm.regions[index]) return refuse(REFUSALS.spanUnknown(name, known));
  if (asked_bytes > max_bytes) return refuse(REFUSALS.spanBeyond(name, asked_bytes, max_bytes));
  const region = editRegion(draft, vm, index);
  if (sharesDevice(region)) return refuse(REFUSALS.spanShares(name));
  const { named } = region;
  if (named && named.opened_at_ms === null && sameAsking(named.serial, serial)) return;
  closeIn(draft, fn, vm, region);
  region.named = {
    name,
    instance_id: instance.id,
    serial,
    bytes: roundUp(asked_bytes, sizeUnitBytes(spec)),
    asked_at_ms: draft.now_ms,
    said_at_ms,
    deny_at_ms: draft.now_ms + spanWaitMs(spec),
    opened_at_ms: null,
  };
}

/** Nothing of it is mapped any more, or it is not asked for any longer. */
export function spanClosed(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { instance, span, serial }: Closed,
): void {
  const index = spanRegion(vmSpec(fn, vm), instance.region_index, span);
  const region = index === null ? undefined : vm.regions[index];
  // A late word of an earlier one is nothing to who asks now; where the end of a later one is all
  // that was heard, this one has ended, too.
  if (!region || isOfEarlier(serial, region.named?.serial)) return;
  closeIn(draft, fn, vm, editRegion(draft, vm, region.index));
}

/** Who asked is gone, or has what he asked for no longer; what is under way ends first. */
function closeIn(draft: Draft, fn: FunctionState, vm: VmState, region: RegionState): void {
  region.named = null;
  if (region.holder === null || region.operation_id !== null || vm.phase !== 'running') return;
  const { instance_id } = holderParts(region.holder);
  region.holder = null;
  region.used_bytes = null;
  if (region.permit_bytes === 0) return;
  const instance = instance_id === null ? null : instanceBehind(instance_id);
  empty(draft, { fn, vm, region, cause: 'close', instance });
}

/** Closes what lost its instance, plugs what is asked for. When time alone changes something. */
export function settleSpans(draft: Draft, fn: FunctionState, vm: VmState): number | null {
  let next_ms: number | null = null;
  if (vmSpec(fn, vm).spans.length === 0) return next_ms;
  for (const { index, of_spans } of vm.regions) {
    if (!of_spans) continue;
    const due_ms = settleSpan(draft, fn, vm, index);
    if (due_ms !== null && (next_ms === null || due_ms < next_ms)) next_ms = due_ms;
  }
  return next_ms;
}

function settleSpan(draft: Draft, fn: FunctionState, vm: VmState, index: number): number | null {
  const found = vm.regions[index];
  assert(found, 'a region that is settled is there');
  const { named = null, holder, operation_id } = found;
  const instance = vm.instances.find(({ id }) => id === named?.instance_id);
  // One that ends has what is open until nothing of it is left, and waits for nothing more.
  const is_over = named?.opened_at_ms === null && instance?.phase === 'stopping';
  if (!named || !instance || is_over) {
    const is_left = named !== null || (holder !== null && operation_id === null);
    if (is_left) closeIn(draft, fn, vm, editRegion(draft, vm, index));
    return null;
  }
  if (named.opened_at_ms !== null) return null;
  const region = editRegion(draft, vm, index);
  // What was plugged for an earlier one, and never opened, is there for this one.
  if (operation_id === null) region.holder = null;
  const why = isFree(region) ? tryOpen(draft, fn, vm, region) : null;
  if (draft.now_ms >= named.deny_at_ms) {
    denySpan(draft, fn, vm, { region, why });
    return null;
  }
  if (why === null) return named.deny_at_ms;
  return Math.min(named.deny_at_ms, draft.now_ms + draft.config.resize_hold_ms);
}

/** Why it is not plugged now; null: it is under way. */
function tryOpen(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  region: RegionState,
): Refusal | null {
  const { named } = region;
  assert(named, 'what is opened was asked for');
  const to_bytes = Math.max(named.bytes, region.plugged_bytes, region.target_bytes);
  const more_bytes = Math.max(0, to_bytes - region.permit_bytes);
  const refused = pressedTo(draft, 'open') ?? askForTier(draft, region.tier, more_bytes);
  if (refused) {
    makeRoomToGrow(draft, fn, region.tier, more_bytes);
    return refused;
  }
  const instance = instanceBehind(named.instance_id);
  const failure = plug(draft, { fn, vm, region, cause: 'open', to_bytes, instance });
  assert(failure === null, 'a span that was asked for before has its permit');
  region.holder = spanHolder(named);
  region.unplug_attempts = 0;
  return null;
}

/** Its bound has passed. */
function denySpan(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, why }: { readonly region: RegionState; readonly why: Refusal | null },
): void {
  const { named } = region;
  assert(named, 'what is denied was asked for');
  const { name, serial = null, bytes, asked_at_ms, instance_id } = named;
  const failure = REFUSALS.spanDenied(name, bytes, draft.now_ms - asked_at_ms, why);
  const instance = instanceBehind(instance_id);
  // What is under way has a record of its own.
  if (region.operation_id === null) {
    recordRefused(draft, { fn, vm, region, cause: 'open', to_bytes: bytes, instance }, failure);
  }
  tellRefused(draft, { fn, vm, instance_id }, { name, serial }, failure);
  closeIn(draft, fn, vm, region);
}

interface Asker {
  readonly fn: FunctionState;
  readonly vm: VmState;
  readonly instance_id: string;
}

/** Every refusal of a span comes through here. */
function tellRefused(
  draft: Draft,
  { fn, vm, instance_id }: Asker,
  { name: span, serial }: { readonly name: string; readonly serial: number | null },
  failure: Refusal,
): void {
  noteDenied(draft, fn, span, failure);
  draft.actions.push({ type: 'refuse-span', vm_id: vm.id, instance_id, span, serial, failure });
}

interface Ended {
  readonly region: RegionState;
  readonly operation: OperationState;
  readonly result: ResizeOutcome;
}

/** The plug of a span ended; one that nobody waits for any more is closed at the next look. */
export function spanOpened(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, operation, result }: Ended,
): void {
  growthEnded(draft, region, operation, result);
  const { named } = region;
  if (!named || named.opened_at_ms !== null) return;
  const { name, serial = null, instance_id } = named;
  // Of an earlier one, which did not wait for it.
  const { decided_at_ms, to_bytes } = operation;
  const is_its = region.holder === spanHolder(named) && decided_at_ms >= named.asked_at_ms;
  if (!is_its || to_bytes < named.bytes) return;
  if (result.outcome === 'done') {
    region.named = { ...named, opened_at_ms: draft.now_ms };
    return tellOpen(draft, vm, region);
  }
  const { error_code, reason, plugged_bytes, outcome } = result;
  const why = reason ?? outcome;
  const cause = REFUSALS.growthFailed(to_bytes, plugged_bytes, error_code, why);
  const waited_ms = draft.now_ms - named.asked_at_ms;
  const failure = REFUSALS.spanDenied(name, named.bytes, waited_ms, cause);
  tellRefused(draft, { fn, vm, instance_id }, { name, serial }, failure);
  region.named = null;
}

/** Its memory is the host's again, or is asked for again later. */
export function spanEmptied(draft: Draft, vm: VmState, { region, operation, result }: Ended): void {
  unplugEnded(draft, region, operation, result);
  retryLater(draft, vm, region);
}

function tellOpen(draft: Draft, vm: VmState, { id, named }: RegionState): void {
  assert(named, 'what is open was asked for');
  const { instance_id, name: span, serial = null } = named;
  const whose = { instance_id, span, serial };
  draft.actions.push({ type: 'open-span', vm_id: vm.id, region_id: id, ...whose });
}

/** Whether the instance has a span now: with the end of its invocation it has to end, then. */
export function hasSpan(vm: VmState, instance_id: string): boolean {
  return vm.regions.some(({ named }) => named?.instance_id === instance_id);
}

/** What the guest of a VM that was taken up says of its spans: the rest was closed meanwhile. */
export function spansFound(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  found: readonly FoundSpan[],
): void {
  for (const { index, named } of vm.regions) {
    if (!named) continue;
    const { name, instance_id, opened_at_ms } = named;
    const told = found.find((one) => one.span === name && one.instance_id === instance_id);
    // Another one was asked for after this one was closed, and nobody heard of that.
    const is_same =
      told &&
      sameAsking(named.serial, told.serial) &&
      roundUp(told.bytes, sizeUnitBytes(vmSpec(fn, vm))) === named.bytes;
    if (!is_same) closeIn(draft, fn, vm, editRegion(draft, vm, index));
    else if (told.state === 'asked' && opened_at_ms !== null) {
      tellOpen(draft, vm, editRegion(draft, vm, index));
    }
  }
  for (const { instance_id, span, state, serial, bytes } of found) {
    const instance = vm.instances.find(({ id }) => id === instance_id);
    const index = instance && spanRegion(vmSpec(fn, vm), instance.region_index, span);
    const known = typeof index === 'number' && vm.regions[index]?.named;
    if (!instance || state !== 'asked' || known) continue;
    const asked = { instance_id, span, serial, bytes, said_at_ms: null };
    spanAsked(draft, fn, vm, { instance, asked });
  }
}
