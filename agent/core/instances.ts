/** Instances: start, become ready, stop. Each function edits flags; `settle` draws conclusions. */
import { assert } from '../../base/assert.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { plugsOnDemand } from '../model/spec.ts';
import type { StartedFor } from '../model/started-for.ts';
import { bytesOf } from '../model/tiers.ts';
import {
  type FunctionState,
  type InstanceState,
  type QueuedInvocation,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { type Draft, editInstance, editRegion, newId } from './draft.ts';
import { answerInvocation } from './invocations.ts';
import { bypass, noteLeft, noteReached } from './bypass.ts';
import { mayEmpty } from './devices.ts';
import { empty, instanceBehind, plug } from './operations.ts';
import { askForTier } from './permits.ts';
import { noteColdStart, noteStartPlaced } from './pool.ts';
import { pressedTo } from './pressed.ts';
import { waitsLonger } from './shortages.ts';
import { sizeForStart } from './sizing.ts';
import { closeSpan, openSpan } from './spans.ts';
import { endVm, noteFailure } from './vms.ts';

/** Ends that nobody has to look into. */
const ASKED_FOR = new Set(['HP_AGENT_REMOVING', 'HP_AGENT_CANCELLED']);

export function findInstance(vm: VmState, id: string): InstanceState | undefined {
  return vm.instances.find((instance) => instance.id === id);
}

/** Why a start was not made, and what it would have taken. */
export interface NotStarted {
  readonly failure: Refusal;
  readonly to_bytes: number;
  readonly more_bytes: number;
}

/**
 * Plug and guest start, in parallel, for a waiting invocation or for none. Without memory, or while
 * others wait longer for it, nothing has changed, and nothing is recorded.
 */
export function startInstance(
  draft: Draft,
  fn: FunctionState,
  { vm, region }: { readonly vm: VmState; readonly region: RegionState },
  { cause, made_for }: { readonly cause: QueuedInvocation | null; readonly made_for: StartedFor },
): NotStarted | null {
  assert(region.holder === null, 'one instance a region');
  const spec = vmSpec(fn, vm);
  const size = plugsOnDemand(spec) ? sizeForStart(draft, fn, vm, region, cause) : null;
  const failure = size && whyNoStart(draft, fn, region, { to_bytes: size.to_bytes, cause });
  if (size && failure) {
    const { to_bytes } = size;
    return { failure, to_bytes, more_bytes: to_bytes - region.permit_bytes };
  }
  const id = newId(draft, 'i');
  if (size) {
    const { to_bytes, because } = size;
    if (cause) noteStartPlaced(draft, fn, vm, { region, to_bytes });
    const instance = instanceBehind(id);
    const refused = plug(draft, { fn, vm, region, cause: 'start', to_bytes, instance });
    assert(refused === null, 'a start that was asked for before has its permit');
    openSpan(draft, spec, region, { baseline_bytes: to_bytes, because });
  }
  region.holder = id;
  region.used_bytes = null;
  region.unplug_attempts = 0;
  vm.instances_started += 1;
  noteReached(draft, fn);
  if (cause) noteColdStart(draft, fn);
  const started = newInstance(draft, id, region, cause);
  const lacked_ms = lackedMs(draft, fn, cause);
  vm.instances = [...vm.instances, { ...started, lacked_ms, started_for: made_for }];
  draft.actions.push({
    type: 'start-instance',
    vm_id: vm.id,
    spec,
    instance_id: id,
    region_id: region.id,
    region_index: region.index,
    operation_id: region.operation_id,
  });
  return null;
}

/** Memory that is wanting, or that others wait longer for; null: it is there. */
function whyNoStart(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  { to_bytes, cause }: { readonly to_bytes: number; readonly cause: QueuedInvocation | null },
): Refusal | null {
  const more_bytes = Math.max(0, to_bytes - region.permit_bytes);
  const pressed = pressedTo(draft, 'start');
  if (pressed || more_bytes === 0) return pressed;
  const { tier } = region;
  const first = waitsLonger(draft, fn, cause, [tier]);
  if (first === null) return askForTier(draft, tier, more_bytes);
  const granted_bytes = bytesOf(draft.granted, tier);
  const limit_bytes = bytesOf(draft.state.capacity, tier);
  return REFUSALS.behindOthers(more_bytes, granted_bytes, limit_bytes, first);
}

/** For how long an invocation has waited for memory until now. */
function lackedMs(
  { now_ms }: Draft,
  { short }: FunctionState,
  cause: QueuedInvocation | null,
): number {
  return short && cause ? now_ms - Math.max(short.since_ms, cause.received_at_ms) : 0;
}

/** What starts in this region, whose plug, if it needs one, is under way. */
function newInstance(
  draft: Draft,
  id: string,
  region: RegionState,
  cause: QueuedInvocation | null,
): InstanceState {
  return {
    id,
    region_index: region.index,
    phase: 'starting',
    start_pending: true,
    stop_pending: false,
    stop_attempts: 0,
    stop_retry_at_ms: null,
    stop_at_ms: null,
    gone_at_ms: null,
    operation_id: region.operation_id,
    cause_sequence: cause?.sequence ?? null,
    decided_at_ms: draft.now_ms,
    plugged_at_ms: null,
    start_stamps: null,
    ready_at_ms: null,
    idle_since_ms: draft.now_ms,
    invocations: 0,
    invocation: null,
    assigned_at_ms: 0,
  };
}

/** Ready only when both halves are done; t4 is the later of the two. */
export function readyWhenComplete(draft: Draft, vm: VmState, instance: InstanceState): void {
  if (instance.phase !== 'starting' || instance.start_pending) return;
  if (vm.regions[instance.region_index]?.operation_id !== null) return;
  assert(instance.start_stamps !== null, 'a finished start has its times');
  instance.phase = 'idle';
  instance.ready_at_ms = Math.max(instance.start_stamps.ready_at_ms, instance.plugged_at_ms ?? 0);
  instance.idle_since_ms = draft.now_ms;
}

/** Asks the guest to end it. Also used where it may be gone already: the guest then says so. */
export function stopInstance(draft: Draft, vm: VmState, instance: InstanceState): void {
  assert(instance.invocation === null, 'a busy instance is not stopped before it is answered');
  assert(!instance.stop_pending, 'one stop of an instance at a time');
  instance.phase = 'stopping';
  instance.stop_pending = true;
  instance.stop_retry_at_ms = null;
  instance.stop_at_ms = draft.now_ms;
  draft.actions.push({ type: 'stop-instance', vm_id: vm.id, instance_id: instance.id });
}

/**
 * It cannot serve: its start or plug failed, its invocation broke, or it ended by itself. The
 * invocation it runs fails, and so does the one it was started for if that still waits: one failed
 * start costs one invocation, so a function that cannot start does not start for ever.
 */
export function doomInstance(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  instance: InstanceState,
  failure: Refusal,
): void {
  if (instance.phase === 'stopping') return;
  if (!ASKED_FOR.has(failure.code)) noteFailure(draft, fn, vm, failure);
  if (instance.invocation) answerInvocation(draft, instance, instance.invocation, { failure });
  if (instance.phase === 'starting' && instance.cause_sequence !== null) {
    const cause = fn.queue.find(instance.cause_sequence);
    if (cause) {
      fn.queue = fn.queue.without(cause);
      answerInvocation(draft, instance, cause, { failure });
    }
  }
  stopInstance(draft, vm, instance);
}

export function stopFailed(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { instance, reason }: { readonly instance: InstanceState; readonly reason: string },
): void {
  if (!instance.stop_pending) return;
  instance.stop_pending = false;
  // A guest that answers nobody may go on later: it is not its stops that end the VM.
  if (vm.unresponsive_since_ms === null) instance.stop_attempts += 1;
  if (instance.stop_attempts < draft.config.stop_attempts) {
    instance.stop_retry_at_ms = draft.now_ms + draft.config.stop_retry_ms;
    return;
  }
  endVm(draft, fn, vm, REFUSALS.guestStuck(instance.id, instance.stop_attempts, reason));
}

/** Takes away stopped instances whose every answer has come, and unplugs what they used. */
export function releaseStopped(draft: Draft, fn: FunctionState, vm: VmState): void {
  const gone = vm.instances.filter(
    (instance) => isGone(vm, instance) && canGiveBack(draft, vm, instance),
  );
  if (gone.length === 0) return;
  vm.instances = vm.instances.filter((instance) => !gone.includes(instance));
  // Of one device the guest gives the last one back first.
  for (const instance of gone.toSorted((a, b) => b.region_index - a.region_index)) {
    const region = editRegion(draft, vm, instance.region_index);
    assert(region.holder === instance.id, 'an instance holds its region until it is gone');
    closeSpan(draft, fn, region);
    noteLeft(draft, fn);
    region.holder = null;
    region.used_bytes = null;
    if (!plugsOnDemand(vmSpec(fn, vm)) || bypass(draft, fn, vm, region)) continue;
    empty(draft, { fn, vm, region, cause: 'stop', instance });
  }
}

/** Its region can be emptied now; it is kept until then, with its times. */
function canGiveBack(draft: Draft, vm: VmState, { region_index }: InstanceState): boolean {
  const region = vm.regions[region_index];
  return region !== undefined && mayEmpty(draft, vm, region);
}

/** Its process tree is gone and nothing that concerns it is under way. */
function isGone(vm: VmState, instance: InstanceState): boolean {
  const { phase, start_pending, stop_pending, gone_at_ms } = instance;
  if (phase !== 'stopping' || start_pending || stop_pending || gone_at_ms === null) return false;
  return vm.regions[instance.region_index]?.operation_id === null;
}

/** Stops of instances whose retry is due. */
export function retryStops(draft: Draft, vm: VmState): void {
  for (const instance of vm.instances) {
    const due_ms = instance.stop_retry_at_ms;
    if (due_ms === null || due_ms > draft.now_ms) continue;
    stopInstance(draft, vm, editInstance(draft, vm, instance));
  }
}
