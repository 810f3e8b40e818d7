/** Sizing: regions grow and shrink under a living holder, as the policy says and memory allows. */
import { roundUp } from '../../base/units.ts';
import type { CallMemory } from '../model/call-memory.ts';
import { errorOf } from '../model/failure.ts';
import { REFUSALS } from '../model/refusals.ts';
import {
  type FunctionSpec,
  growWaitMs,
  plugsOnDemand,
  regionBytes,
  sizeUnitBytes,
} from '../model/spec.ts';
import {
  type FunctionState,
  type HostState,
  type InstanceState,
  type QueuedInvocation,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { mostBytesOf } from '../model/targets.ts';
import { dividedTiers } from '../model/tiers-spec.ts';
import { policyOf } from './answering.ts';
import { askSize, recordSize } from './ask.ts';
import { sharesDevice } from './devices.ts';
import {
  type Draft,
  editRegion,
  openDraft,
  readFunction,
  type StepContext,
  vmsOf,
} from './draft.ts';
import { expectedAtStart, expectedOf } from './expected.ts';
import { makeRoomToGrow } from './give-way.ts';
import { plug, shrink } from './operations.ts';
import { freeBytes } from './permits.ts';
import type { Size } from './policy.ts';
import { spanRefused } from './spans.ts';

/** A growth that somebody waits for is tried so often before the wait is over. */
const TRIES_WHILE_WAITING = 5;

/** The nearest size a region can have: whole units, at least one, at most `most_bytes`. */
function sizeWithin(bytes: number, spec: FunctionSpec, most_bytes = regionBytes(spec)): number {
  const unit_bytes = sizeUnitBytes(spec);
  return Math.min(most_bytes, Math.max(unit_bytes, roundUp(bytes, unit_bytes)));
}

/** The same of a size that is wanted, which targets may bound. */
function wantedWithin(bytes: number, fn: FunctionState, vm: VmState): number {
  const spec = vmSpec(fn, vm);
  return sizeWithin(bytes, spec, mostBytesOf(spec, fn.targets));
}

/**
 * What a free region is plugged to for a start, or ahead of one: as large as the policy wants it,
 * all of it where it says nothing or the guest has all or nothing. What is plugged or on its way
 * already is not taken back.
 */
export function sizeForStart(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  region: RegionState,
  cause: QueuedInvocation | null = null,
): { readonly to_bytes: number; readonly because: string } {
  const max_bytes = mostBytesOf(vmSpec(fn, vm), fn.targets);
  if (region.far_index !== undefined) return { to_bytes: max_bytes, because: 'all of it' };
  const shared = sharesDevice(region);
  const size = askSize(draft, fn, vm, {
    region,
    instance: null,
    expected: expectedAtStart(fn, cause),
  });
  const why_not = shared ? 'its device has other regions' : null;
  if (size) recordSize(draft, fn, vm, { region, size }, why_not);
  const wanted_bytes = size && !shared ? wantedWithin(size.target_bytes, fn, vm) : max_bytes;
  const to_bytes = Math.max(wanted_bytes, region.plugged_bytes, region.target_bytes);
  return { to_bytes, because: why_not ?? size?.because ?? 'all of it' };
}

/** What an instance started for such a call would be plugged to; nothing is changed. */
export function sizeOfStart(
  state: HostState,
  about: { readonly function: string; readonly memory: CallMemory | null; readonly now_ms: number },
  context: StepContext,
): { readonly to_bytes: number; readonly because: string; readonly policy: string } {
  const draft = openDraft(state, about.now_ms, { ...context, recording: false });
  const fn = readFunction(draft, about.function);
  if (!fn) throw errorOf(REFUSALS.noFunction(about.function));
  const policy = policyOf(draft, fn).name;
  const vms = vmsOf(draft, fn);
  const vm = vms.find(({ outdated }) => !outdated) ?? vms[0];
  const [region] = vm?.regions ?? [];
  const all = { to_bytes: mostBytesOf(fn.spec, fn.targets), because: 'all of it', policy };
  if (!vm || !region || !plugsOnDemand(vmSpec(fn, vm)) || sharesDevice(region)) return all;
  if (region.far_index !== undefined) return all;
  const expected = expectedAtStart(fn, about.memory ? { memory: about.memory } : null);
  const size = askSize(draft, fn, vm, { region, instance: null, expected });
  if (!size) return all;
  const to_bytes = wantedWithin(size.target_bytes, fn, vm);
  return { to_bytes, because: size.because ?? all.because, policy };
}

/**
 * Asks the policy for the size of every region in use that nothing is under way for. The earliest
 * time at which it wants one changed later; null: none.
 */
export function sizeRegions(draft: Draft, fn: FunctionState, vm: VmState): number | null {
  if (vm.phase !== 'running' || !policyOf(draft, fn).elastic) return null;
  const spec = vmSpec(fn, vm);
  // In two tiers an instance has one size.
  if (!plugsOnDemand(spec) || dividedTiers(spec)) return null;
  let later_ms: number | null = null;
  for (const instance of vm.instances) {
    if (instance.phase !== 'busy' && instance.phase !== 'idle') continue;
    const region = vm.regions[instance.region_index];
    if (!region || region.operation_id !== null || isHeld(draft, region)) continue;
    // The guest has all or nothing of it.
    if (sharesDevice(region)) continue;
    const size = askSize(draft, fn, vm, { region, instance, expected: expectedOf(instance) });
    if (!size) continue;
    if (size.at_ms === null || size.at_ms <= draft.now_ms) {
      resize(draft, fn, vm, { region, instance, size });
    } else if (later_ms === null || size.at_ms < later_ms) later_ms = size.at_ms;
  }
  return later_ms;
}

/** A shrink that came to little bars the next one, and not a growth that somebody waits for. */
function isHeld(draft: Draft, { hold_until_ms, span }: RegionState): boolean {
  if (hold_until_ms === null || hold_until_ms <= draft.now_ms) return false;
  return !span?.want || span.changes.at(-1)?.cause !== 'shrink';
}

interface Wish {
  readonly region: RegionState;
  readonly instance: InstanceState;
  readonly size: Size;
}

/** A refused growth leaves the instance as it is; it is asked for again after a pause. */
function resize(draft: Draft, fn: FunctionState, vm: VmState, wish: Wish): void {
  const { instance, size } = wish;
  const region = editRegion(draft, vm, wish.region.index);
  if (region.span && size.because) region.span = { ...region.span, because: size.because };
  const wanted_bytes = wantedWithin(size.target_bytes, fn, vm);
  const unreached = wanted_bytes === region.target_bytes && region.plugged_bytes < wanted_bytes;
  if (wanted_bytes > region.target_bytes || unreached) {
    const to_bytes = fittingBytes(draft, vmSpec(fn, vm), region, wanted_bytes);
    const intent = { fn, vm, region, cause: 'grow', to_bytes, instance } as const;
    const refused = plug(draft, intent);
    if (refused) {
      region.hold_until_ms = draft.now_ms + holdMs(draft, vmSpec(fn, vm), region);
      spanRefused(draft, region, wanted_bytes, refused);
      if (region.span?.want)
        makeRoomToGrow(draft, fn, region.tier, wanted_bytes - region.permit_bytes);
    }
    recordSize(draft, fn, vm, wish, refused?.code);
  } else if (wanted_bytes < region.target_bytes) {
    shrinkTo(draft, fn, vm, { ...wish, region, wanted_bytes });
  }
}

/**
 * What of a growth the host has room for, where somebody waits for it: he goes on with a part, and
 * says so when it is not enough. All of it where there is no room at all: that is refused.
 */
function fittingBytes(
  draft: Draft,
  spec: FunctionSpec,
  { span, permit_bytes, plugged_bytes, target_bytes, tier }: RegionState,
  wanted_bytes: number,
): number {
  const free_bytes = freeBytes(draft, tier);
  if (!span?.want || wanted_bytes - permit_bytes <= free_bytes) return wanted_bytes;
  const unit_bytes = sizeUnitBytes(spec);
  const part_bytes = Math.floor((permit_bytes + free_bytes) / unit_bytes) * unit_bytes;
  return part_bytes > Math.max(plugged_bytes, target_bytes) ? part_bytes : wanted_bytes;
}

/** A guest that waits is tried for again while it does. */
function holdMs(draft: Draft, spec: FunctionSpec, { span }: RegionState): number {
  const { resize_hold_ms } = draft.config;
  return span?.want
    ? Math.min(resize_hold_ms, growWaitMs(spec) / TRIES_WHILE_WAITING)
    : resize_hold_ms;
}

/** The least that a region in use can be made now; null: not known. */
function leastBytes({ used_bytes, plugged_bytes, span }: RegionState): number | null {
  const tail_bytes = span?.free_tail_bytes ?? null;
  if (used_bytes === null || tail_bytes === null) return used_bytes;
  return Math.max(used_bytes, plugged_bytes - tail_bytes);
}

/**
 * Never below what the guest says is used, and not at all where it says nothing or its holder waits
 * for more, who would work against it.
 */
function shrinkTo(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  wish: Wish & { readonly wanted_bytes: number },
): void {
  const { region, instance, wanted_bytes } = wish;
  if (region.span?.want) return recordSize(draft, fn, vm, wish, 'its holder waits for more');
  const least_bytes = leastBytes(region);
  if (least_bytes === null) return recordSize(draft, fn, vm, wish, 'its use is not known');
  const to_bytes = Math.max(wanted_bytes, sizeWithin(least_bytes, vmSpec(fn, vm)));
  if (to_bytes >= region.target_bytes)
    return recordSize(draft, fn, vm, wish, 'all of it is in use');
  recordSize(draft, fn, vm, wish, to_bytes > wanted_bytes ? 'a part of it is in use' : null);
  shrink(draft, { fn, vm, region, cause: 'shrink', to_bytes, instance });
}
