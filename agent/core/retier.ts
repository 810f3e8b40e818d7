/**
 * Retier: an idle instance with two parts gets another share of near memory, where what would be
 * chosen for its next call is not what it has. Only unused memory changes its tier (see
 * model/retier.ts): what its process has touched stays where it is. The weights by which it takes
 * pages of both parts are those of its start; once the part that ceded is full, the next pages come
 * from the other. Only of partitions is it certain that no page is moved for that, so never with
 * nodes of a guest.
 */
import { MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import { MECHANISMS } from '../model/mechanism.ts';
import { isHalfMade, mayMove, nextRetier, type PartNow, type RetierStep } from '../model/retier.ts';
import { regionMaxBytes } from '../model/spec.ts';
import {
  type FunctionState,
  type InstanceState,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { type ChosenShare, chooseNow } from '../model/tier-share.ts';
import { type ShareTable, splitBytes } from '../model/tiers-spec.ts';
import { recordShare } from './ask.ts';
import { type Draft, editInstance, editRegion } from './draft.ts';
import { cede, plug } from './operations.ts';
import { freeBytes } from './permits.ts';
import { pressedTo } from './pressed.ts';

/**
 * At the end of each call, and of each step; nothing where the share is not chosen. A move begins
 * for an idle instance that nobody waits for; once begun it is carried to its end, whatever is
 * called, queued or deployed meanwhile, or both parts would hold its memory.
 */
export function retierVm(draft: Draft, fn: FunctionState, vm: VmState): void {
  if (vm.regions[0]?.far_index === undefined || vm.phase !== 'running') return;
  if (fn.phase !== 'serving' || vm.retiring || vm.unresponsive_since_ms !== null) return;
  const { tiers, mechanism, keep_alive_ms } = vmSpec(fn, vm);
  const has_partitions = MECHANISMS.get(mechanism).partitions;
  const is_due = !vm.outdated && fn.queue.length === 0;
  const table = has_partitions && is_due ? (tiers?.table ?? null) : null;
  for (const instance of vm.instances) {
    const { phase, parts } = instance;
    if ((phase !== 'idle' && phase !== 'busy') || (!parts?.moved && !table)) continue;
    const own = { instance, table: phase === 'idle' ? table : null, keep_alive_ms };
    retierInstance(draft, fn, vm, own);
  }
}

interface About {
  readonly instance: InstanceState;
  /** Null: no move begins. */
  readonly table: ShareTable | null;
  readonly keep_alive_ms: number;
}

function retierInstance(draft: Draft, fn: FunctionState, vm: VmState, about: About): void {
  const { instance, keep_alive_ms } = about;
  const { parts } = instance;
  const near = vm.regions[instance.region_index];
  const far = vm.regions[near?.far_index ?? -1];
  // What has nothing in a part is not attached to it.
  if (!near || !far || !parts || parts.near_bytes === 0 || parts.far_bytes === 0) return;
  if (near.operation_id !== null || far.operation_id !== null) return;
  const both = {
    near: partOf(draft, fn, vm, { region: near, kept_bytes: parts.near_bytes }),
    far: partOf(draft, fn, vm, { region: far, kept_bytes: parts.far_bytes }),
  };
  const rests = { keep_alive_ms, hold_ms: draft.config.resize_hold_ms };
  const { decided_at_ms, ready_at_ms } = instance;
  const since = parts.moved ?? { at_ms: decided_at_ms ?? ready_at_ms ?? draft.now_ms };
  const is_rested = mayMove(since, draft.now_ms, rests);
  const chosen = is_rested && !isHalfMade(both) ? wantedNow(draft, fn, about) : null;
  const bytes = parts.near_bytes + parts.far_bytes;
  const step = nextRetier({
    ...both,
    moved: parts.moved ?? null,
    wanted_near_bytes: chosen && nearOf(bytes, chosen),
    is_rested,
    now_ms: draft.now_ms,
  });
  if (step) take(draft, fn, vm, { instance, step, chosen });
}

/** Of each part at least a block: its process is attached to both. */
const nearOf = (bytes: number, { share }: ChosenShare): number =>
  Math.min(
    bytes - MEMORY_BLOCK_BYTES,
    Math.max(MEMORY_BLOCK_BYTES, splitBytes(bytes, share).near_bytes),
  );

/** The share that would be chosen now; null: no move begins. */
function wantedNow(
  draft: Draft,
  fn: FunctionState,
  { instance: { parts }, table }: About,
): ChosenShare | null {
  if (!parts || !table || draft.cordon || draft.short.length > 0) return null;
  if (draft.grants_closed || pressedTo(draft, 'gain')) return null;
  const about = { pace: fn.pace, now_ms: draft.now_ms };
  return chooseNow(table, parts.near_bytes + parts.far_bytes, about);
}

function partOf(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, kept_bytes }: { readonly region: RegionState; readonly kept_bytes: number },
): PartNow {
  const { plugged_bytes, permit_bytes, used_bytes, hold_until_ms, tier, index } = region;
  return {
    kept_bytes,
    plugged_bytes,
    permit_bytes,
    used_bytes,
    max_bytes: regionMaxBytes(vmSpec(fn, vm), index),
    free_bytes: freeBytes(draft, tier),
    is_held: hold_until_ms !== null && hold_until_ms > draft.now_ms,
  };
}

function take(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  about: {
    readonly instance: InstanceState;
    readonly step: RetierStep;
    readonly chosen: ChosenShare | null;
  },
): void {
  const { step, chosen } = about;
  const { cause, to_bytes, moved } = step;
  const instance = editInstance(draft, vm, about.instance);
  const { near_bytes, far_bytes } = step.parts;
  const before = instance.parts;
  const begins = cause === 'gain' && !moved.is_back;
  const is_kept = before?.near_bytes === near_bytes;
  const was = before?.chosen ?? null;
  const otherwise = begins ? chosen : (before?.otherwise ?? null);
  instance.parts = is_kept
    ? { near_bytes, far_bytes, chosen: was, otherwise, moved }
    : { near_bytes, far_bytes, chosen: otherwise ?? was, otherwise: was, moved };
  const near = vm.regions[instance.region_index];
  const index = step.of === 'near' ? instance.region_index : near?.far_index;
  const region = editRegion(draft, vm, index ?? -1);
  if (cause === 'cede') return cede(draft, { fn, vm, region, cause, to_bytes, instance });
  // Refused it is tried again after a rest, as a move that came to nothing.
  if (plug(draft, { fn, vm, region, cause, to_bytes, instance })) {
    instance.parts = { ...instance.parts, moved: { ...moved, to: null } };
  } else if (begins) {
    const rest_bytes = near_bytes + far_bytes - to_bytes;
    const [here, there] = step.of === 'near' ? [to_bytes, rest_bytes] : [rest_bytes, to_bytes];
    const split = { near_bytes: here, far_bytes: there, chosen };
    recordShare(draft, fn, vm, { region, split });
  }
}
