/** Instances: start, become ready, stop. Each function edits flags; `settle` draws conclusions. */
import { assert } from '../../base/assert.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { Action } from '../model/actions.ts';
import { partsAt } from '../model/parts.ts';
import { plugsOnDemand } from '../model/spec.ts';
import type { StartedFor } from '../model/started-for.ts';
import type { StartedParts } from '../model/tier-share.ts';
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
import { recordShare } from './ask.ts';
import { noteColdStart, noteStartPlaced } from './pool.ts';
import { closeSpan, openSpan } from './spans.ts';
import { dropWaitingMove } from './stopped-move.ts';
import { type NotStarted, planStart, type StartPlan, whyNotNow } from './start-parts.ts';
import { endVm, noteFailure } from './vms.ts';

/** Ends that nobody has to look into. */
const ASKED_FOR = new Set(['HP_AGENT_REMOVING', 'HP_AGENT_CANCELLED']);

export function findInstance(vm: VmState, id: string): InstanceState | undefined {
  return vm.instances.find((instance) => instance.id === id);
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
  const plan = plugsOnDemand(spec) ? planStart(draft, fn, vm, region, cause) : null;
  const lacks = plan && whyNotNow(draft, fn, plan, cause);
  if (lacks) return lacks;
  const id = newId(draft, 'i');
  const operation_id = plan && plugParts(draft, fn, vm, { plan, id, cause });
  if (plan) {
    const [{ to_bytes: baseline_bytes }] = plan.parts;
    openSpan(draft, spec, region, { baseline_bytes, because: plan.because });
  }
  for (const { index } of partsAt(vm.regions, region.index)) {
    const part = editRegion(draft, vm, index);
    part.holder = id;
    part.used_bytes = null;
    part.unplug_attempts = 0;
  }
  vm.instances_started += 1;
  noteReached(draft, fn);
  if (cause) noteColdStart(draft, fn);
  const started = newInstance(draft, id, region, cause);
  const lacked_ms = lackedMs(draft, fn, cause);
  const { split = null } = plan ?? {};
  const more = { operation_id, lacked_ms, started_for: made_for, ...(split && { parts: split }) };
  vm.instances = [...vm.instances, { ...started, ...more }];
  if (split) recordShare(draft, fn, vm, { region, split });
  draft.actions.push({
    type: 'start-instance',
    vm_id: vm.id,
    spec,
    instance_id: id,
    region_id: region.id,
    region_index: region.index,
    operation_id,
    ...farStart(vm, region, split),
  });
  return null;
}

/** Asks for all parts; the operation of the first. */
function plugParts(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  {
    plan,
    id,
    cause,
  }: {
    readonly plan: StartPlan;
    readonly id: string;
    readonly cause: QueuedInvocation | null;
  },
): string | null {
  if (cause) noteStartPlaced(draft, fn, vm, plan.parts);
  const instance = instanceBehind(id);
  let operation_id: string | null = null;
  for (const { region: found, to_bytes } of plan.parts) {
    const region = editRegion(draft, vm, found.index);
    const refused = plug(draft, { fn, vm, region, cause: 'start', to_bytes, instance });
    assert(refused === null, 'a start that was asked for before has its permit');
    operation_id ??= region.operation_id;
  }
  return operation_id;
}

/** What the guest is told of the far part; nothing: there is none. */
export function farStart(
  { regions }: VmState,
  region: RegionState,
  parts: StartedParts | null,
): Pick<Extract<Action, { type: 'start-instance' }>, 'far'> {
  const far = region.far_index === undefined ? undefined : regions[region.far_index];
  if (!parts || !far) return {};
  const { near_bytes, far_bytes } = parts;
  return { far: { region_id: far.id, region_index: far.index, near_bytes, far_bytes } };
}

/** For how long an invocation has waited for memory until now. */
function lackedMs(
  { now_ms }: Draft,
  { short }: FunctionState,
  cause: QueuedInvocation | null,
): number {
  return short && cause ? now_ms - Math.max(short.since_ms, cause.received_at_ms) : 0;
}

/** What starts in this region. */
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
    operation_id: null,
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
  if (!isAtRest(vm, instance)) return;
  assert(instance.start_stamps !== null, 'a finished start has its times');
  instance.phase = 'idle';
  instance.ready_at_ms = Math.max(instance.start_stamps.ready_at_ms, instance.plugged_at_ms ?? 0);
  instance.idle_since_ms = draft.now_ms;
}

/** Asks the guest to end it. Also used where it may be gone already: the guest then says so. */
export function stopInstance(draft: Draft, vm: VmState, instance: InstanceState): void {
  assert(instance.invocation === null, 'a busy instance is not stopped before it is answered');
  assert(!instance.stop_pending, 'one stop of an instance at a time');
  dropWaitingMove(draft, vm, instance);
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
  if (vm.instances.every(({ phase }) => phase !== 'stopping')) return;
  const gone = vm.instances.filter(
    (instance) => isGone(vm, instance) && canGiveBack(draft, vm, instance),
  );
  if (gone.length === 0) return;
  vm.instances = vm.instances.filter((instance) => !gone.includes(instance));
  // Of one device the guest gives the last one back first.
  for (const instance of gone.toSorted((a, b) => b.region_index - a.region_index)) {
    closeSpan(draft, fn, editRegion(draft, vm, instance.region_index));
    noteLeft(draft, fn);
    const parts = partsAt(vm.regions, instance.region_index);
    for (const { index } of parts) release(draft, fn, vm, { index, instance });
  }
}

/** Nobody has the region any more: it is given back, or kept for the next. */
function release(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { index, instance }: { readonly index: number; readonly instance: InstanceState },
): void {
  const region = editRegion(draft, vm, index);
  assert(region.holder === instance.id, 'an instance holds its region until it is gone');
  region.holder = null;
  region.used_bytes = null;
  if (!plugsOnDemand(vmSpec(fn, vm)) || bypass(draft, fn, vm, region)) return;
  // Of two parts one may be nothing at all.
  if (instance.parts && region.permit_bytes === 0) return;
  empty(draft, { fn, vm, region, cause: 'stop', instance });
}

/** Its region can be emptied now; it is kept until then, with its times. */
function canGiveBack(draft: Draft, vm: VmState, { region_index }: InstanceState): boolean {
  const parts = partsAt(vm.regions, region_index);
  return parts.every((region) => mayEmpty(draft, vm, region));
}

/** Its process tree is gone and nothing that concerns it is under way. */
function isGone(vm: VmState, instance: InstanceState): boolean {
  const { phase, start_pending, stop_pending, gone_at_ms } = instance;
  if (phase !== 'stopping' || start_pending || stop_pending || gone_at_ms === null) return false;
  return isAtRest(vm, instance);
}

/** Nothing is under way in any part of its memory. */
function isAtRest({ regions }: VmState, { region_index }: InstanceState): boolean {
  return partsAt(regions, region_index).every(({ operation_id }) => operation_id === null);
}

/** Stops of instances whose retry is due. */
export function retryStops(draft: Draft, vm: VmState): void {
  for (const instance of vm.instances) {
    const due_ms = instance.stop_retry_at_ms;
    if (due_ms === null || due_ms > draft.now_ms) continue;
    stopInstance(draft, vm, editInstance(draft, vm, instance));
  }
}
