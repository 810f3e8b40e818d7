/** Instances: start, become ready, stop. Each function edits flags; `settle` draws conclusions. */
import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { type Draft, newId } from './draft.ts';
import { answerInvocation } from './invocations.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { plugRegion, unplugRegion } from './regions.ts';
import { plugsOnDemand } from '../model/spec.ts';
import type {
  FunctionState,
  InstanceState,
  QueuedInvocation,
  RegionState,
} from '../model/state.ts';
import { endVm, noteFailure } from './vms.ts';

export function findInstance(fn: FunctionState, id: string): InstanceState | undefined {
  return fn.instances.find((instance) => instance.id === id);
}

/** Plug and guest start, in parallel, for one waiting invocation; or the permit's refusal. */
export function startInstance(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  cause: QueuedInvocation,
): Refusal | null {
  assert(region.instance_id === null, 'one instance a region');
  const id = newId(draft, 'i');
  if (plugsOnDemand(fn.spec)) {
    const refused = plugRegion(draft, fn, region, id);
    if (refused) return refused;
  }
  region.instance_id = id;
  fn.instances_started += 1;
  region.unplug_attempts = 0;
  const operation_id = region.operation_id;
  fn.instances.push({
    id,
    region_index: region.index,
    phase: 'starting',
    plug_pending: operation_id !== null,
    start_pending: true,
    stop_pending: false,
    stop_attempts: 0,
    stop_retry_at_ms: null,
    stop_at_ms: null,
    gone_at_ms: null,
    operation_id,
    cause_request_id: cause.request_id,
    plugged_at_ms: null,
    start_stamps: null,
    ready_at_ms: null,
    idle_since_ms: draft.now_ms,
    invocations: 0,
    invocation: null,
    assigned_at_ms: 0,
  });
  draft.actions.push({
    type: 'start-instance',
    vm_id: fn.vm_id,
    spec: fn.spec,
    instance_id: id,
    region_index: region.index,
    operation_id,
  });
  return null;
}

/** Ready only when both halves are done; t4 is the later of the two. */
export function readyWhenComplete(draft: Draft, instance: InstanceState): void {
  if (instance.phase !== 'starting') return;
  if (instance.plug_pending || instance.start_pending) return;
  assert(instance.start_stamps !== null, 'a finished start has its times');
  instance.phase = 'idle';
  instance.ready_at_ms = Math.max(instance.start_stamps.ready_at_ms, instance.plugged_at_ms ?? 0);
  instance.idle_since_ms = draft.now_ms;
}

/** Asks the guest to end it. Also used where it may be gone already: the guest then says so. */
export function stopInstance(draft: Draft, fn: FunctionState, instance: InstanceState): void {
  assert(instance.invocation === null, 'a busy instance is not stopped before it is answered');
  assert(!instance.stop_pending, 'one stop of an instance at a time');
  instance.phase = 'stopping';
  instance.stop_pending = true;
  instance.stop_retry_at_ms = null;
  instance.stop_at_ms = draft.now_ms;
  draft.actions.push({ type: 'stop-instance', vm_id: fn.vm_id, instance_id: instance.id });
}

/**
 * It cannot serve: its start or plug failed, its invocation broke, or it ended by itself. The
 * invocation it runs fails, and so does the one it was started for if that still waits: one failed
 * start costs one invocation, so a function that cannot start does not start for ever.
 */
export function doomInstance(
  draft: Draft,
  fn: FunctionState,
  instance: InstanceState,
  failure: Refusal,
): void {
  if (instance.phase === 'stopping') return;
  if (failure.code !== 'HP_AGENT_REMOVING') noteFailure(draft, fn, failure);
  if (instance.invocation) answerInvocation(draft, instance, instance.invocation, { failure });
  if (instance.phase === 'starting') {
    const index = fn.queue.findIndex((one) => one.request_id === instance.cause_request_id);
    const [cause] = index < 0 ? [] : fn.queue.splice(index, 1);
    if (cause) answerInvocation(draft, instance, cause, { failure });
  }
  stopInstance(draft, fn, instance);
}

export function stopFailed(
  draft: Draft,
  fn: FunctionState,
  instance: InstanceState,
  reason: string,
): void {
  if (!instance.stop_pending) return;
  instance.stop_pending = false;
  // A guest that answers nobody may go on later: it is not its stops that end the VM.
  if (fn.unresponsive_since_ms === null) instance.stop_attempts += 1;
  if (instance.stop_attempts < LIMITS.instance_stop_attempts) {
    instance.stop_retry_at_ms = draft.now_ms + LIMITS.instance_stop_retry_ms;
    return;
  }
  endVm(draft, fn, REFUSALS.guestStuck(instance.id, instance.stop_attempts, reason));
}

/** Takes away stopped instances whose every answer has come, and unplugs what they used. */
export function releaseStopped(draft: Draft, fn: FunctionState): void {
  const gone = fn.instances.filter(isGone);
  if (gone.length === 0) return;
  fn.instances = fn.instances.filter((instance) => !isGone(instance));
  for (const instance of gone) {
    const region = fn.regions[instance.region_index];
    assert(region?.instance_id === instance.id, 'an instance holds its region until it is gone');
    region.instance_id = null;
    if (plugsOnDemand(fn.spec)) unplugRegion(draft, fn, region, instance);
  }
}

function isGone(instance: InstanceState): boolean {
  const { phase, plug_pending, start_pending, stop_pending, gone_at_ms } = instance;
  if (phase !== 'stopping' || plug_pending || start_pending || stop_pending) return false;
  return gone_at_ms !== null;
}

/** Stops of instances whose retry is due. */
export function retryStops(draft: Draft, fn: FunctionState): void {
  for (const instance of fn.instances) {
    const due_ms = instance.stop_retry_at_ms;
    if (due_ms !== null && due_ms <= draft.now_ms) stopInstance(draft, fn, instance);
  }
}
