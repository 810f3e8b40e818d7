/**
 * Bypass: an unplug that would be plugged again before it has paid is left out. The region stays
 * plugged for as long as that takes, ready for the next start and the first to give way.
 */
import { GIB } from '../../base/units.ts';
import { pays, returnOf, withLeft, withReached } from '../model/depths.ts';
import { unplugMs } from '../model/pace.ts';
import { isHome } from '../model/parts.ts';
import { isPressed } from '../model/pressure.ts';
import { durationPercentile } from '../model/durations.ts';
import type { FunctionState, RegionState, VmState } from '../model/state.ts';
import { recordBypass } from './ask.ts';
import { sharesDevice } from './devices.ts';
import { type Draft, vmsOf } from './draft.ts';
import { prepareAhead } from './prepare.ts';
import { isFree } from './regions.ts';

/** First touches of a page in the guest again: half a microsecond for each of 4 KiB; chosen. */
const REFAULT_MS_PER_GIB = 131;

/**
 * How long holding so many bytes costs less than giving them back and plugging them again (ms);
 * null: nobody says what holding costs.
 */
function paybackMs(draft: Draft, { pace }: FunctionState, bytes: number): number | null {
  const { hold_ms_per_gib_s } = draft.config.queue;
  if (hold_ms_per_gib_s === null || bytes <= 0) return null;
  const gib = bytes / GIB;
  const plug_ms = durationPercentile(pace.plug, 50) ?? 0;
  const cycle_ms = (unplugMs(pace, bytes, 50) ?? 0) + plug_ms + REFAULT_MS_PER_GIB * gib;
  return (1_000 * cycle_ms) / (gib * hold_ms_per_gib_s);
}

/** Only a price asks for depths: calls of other hosts are not made to pay. */
const isPriced = ({ config }: Draft): boolean => config.queue.hold_ms_per_gib_s !== null;

/** A region has a holder from now on. */
export function noteReached(draft: Draft, fn: FunctionState): void {
  if (!isPriced(draft)) return;
  const depths = withReached(fn.pace.depths, depthOf(draft, fn), draft.now_ms);
  fn.pace = { ...fn.pace, depths };
}

/** A region, which still has its holder, has none from now on. */
export function noteLeft(draft: Draft, fn: FunctionState): void {
  if (!isPriced(draft)) return;
  const depths = withLeft(fn.pace.depths, depthOf(draft, fn), draft.now_ms);
  fn.pace = { ...fn.pace, depths };
}

/** How many of its regions instances have. */
function depthOf(draft: Draft, fn: FunctionState): number {
  return countRegions(draft, fn, ({ holder }) => holder !== null);
}

/** Of those that instances start in. */
function countRegions(
  draft: Draft,
  fn: FunctionState,
  is: (region: RegionState) => boolean,
): number {
  let count = 0;
  for (const { regions } of vmsOf(draft, fn)) {
    for (const region of regions) if (isHome(region) && is(region)) count += 1;
  }
  return count;
}

/**
 * Whether the region, which nobody holds any more, stays plugged for a while; it is then ready. Its
 * turn comes when one more is in use than now, after what stands ready for another reason.
 */
export function bypass(draft: Draft, fn: FunctionState, vm: VmState, region: RegionState): boolean {
  const payback_ms = paybackMs(draft, fn, region.plugged_bytes);
  if (payback_ms === null || !mayStay(draft, fn, vm, region)) return false;
  const before = countRegions(draft, fn, (one) => standsReady(draft, one));
  const depth = depthOf(draft, fn) + before + 1;
  const next = returnOf(fn.pace.depths, depth, { now_ms: draft.now_ms, bound_ms: payback_ms });
  const is_kept = next !== null && pays(next, payback_ms);
  recordBypass(draft, fn, { vm, region, is_kept, depth, next, payback_ms });
  if (!is_kept) return false;
  region.ready = true;
  // Its pages were somebody's.
  prepareAhead(draft, fn, vm, region);
  region.keep_until_ms = draft.now_ms + payback_ms;
  vm.made_ready = true;
  return true;
}

/** Whether nobody wants what is in it, and its VM goes on. */
function mayStay(draft: Draft, fn: FunctionState, vm: VmState, region: RegionState): boolean {
  const is_wanted = draft.short.length > 0 || isPressed(draft.pressure, 'reserve');
  const ends = fn.phase !== 'serving' || fn.waiters.drain.length > 0 || vm.retiring !== null;
  // One of an earlier definition ends soon, and what is in it may be wanted for its successor.
  if (is_wanted || ends || vm.outdated || draft.cordon || sharesDevice(region)) return false;
  // What stays plugged of one that has two parts would be none that the next start asks for.
  if (region.far_index !== undefined || region.of_far) return false;
  return region.plugged_bytes === region.target_bytes;
}

/** For the next start, by a policy: one that was bypassed stands for a depth of its own. */
function standsReady(draft: Draft, region: RegionState): boolean {
  return region.ready && isFree(region) && !isKept(draft, region);
}

/** Whether it stays plugged though no policy asks for it. */
export const isKept = (draft: Draft, { keep_until_ms }: RegionState): boolean =>
  (keep_until_ms ?? 0) > draft.now_ms;
