/**
 * Bypass: an unplug that would be plugged again before it has paid is left out. The region stays
 * plugged for as long as that takes, ready for the next start and the first to give way.
 */
import { GIB } from '../../base/units.ts';
import { unplugMs } from '../model/pace.ts';
import { isPressed } from '../model/pressure.ts';
import { durationPercentile } from '../model/durations.ts';
import type { FunctionState, RegionState, VmState } from '../model/state.ts';
import { recordBypass } from './ask.ts';
import { sharesDevice } from './devices.ts';
import type { Draft } from './draft.ts';

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

/** Whether the region, which nobody holds any more, stays plugged for a while; it is then ready. */
export function bypass(draft: Draft, fn: FunctionState, vm: VmState, region: RegionState): boolean {
  const { start_gap_ms } = fn.pace;
  const payback_ms = paybackMs(draft, fn, region.plugged_bytes);
  if (payback_ms === null || start_gap_ms === null || start_gap_ms > payback_ms) return false;
  const is_wanted = draft.short.length > 0 || isPressed(draft.pressure, 'reserve');
  const ends = fn.phase !== 'serving' || fn.waiters.drain.length > 0 || vm.retiring !== null;
  // One of an earlier definition ends soon, and what is in it may be wanted for its successor.
  if (is_wanted || ends || vm.outdated || draft.cordon || sharesDevice(region)) return false;
  if (region.plugged_bytes !== region.target_bytes) return false;
  region.ready = true;
  region.keep_until_ms = draft.now_ms + payback_ms;
  vm.made_ready = true;
  recordBypass(draft, fn, { vm, region, start_gap_ms, payback_ms });
  return true;
}

/** Whether it stays plugged though no policy asks for it. */
export const isKept = (draft: Draft, { keep_until_ms }: RegionState): boolean =>
  (keep_until_ms ?? 0) > draft.now_ms;
