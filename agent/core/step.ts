/**
 * The agent's decisions: `(state, event, now) -> {state, actions}`. Pure: no clock, no I/O, no
 * randomness. The same events at the same times give the same actions.
 */
import { LIMITS } from '../../base/limits.ts';
import { unreachable } from '../../base/assert.ts';
import type { Action } from '../model/actions.ts';
import { closeDraft, type Draft, edit, editByVm, openDraft, replyError } from './draft.ts';
import type { HostEvent, ResizeOutcome } from '../model/events.ts';
import {
  doomInstance,
  findInstance,
  readyWhenComplete,
  stopFailed,
  stopInstance,
} from './instances.ts';
import { checkHost } from './invariants.ts';
import { answerInvocation, refuseInvocation } from './invocations.ts';
import { REFUSALS } from '../model/refusals.ts';
import { plugEnded, regionSettled, unplugEnded, unplugRegion } from './regions.ts';
import { plugsOnDemand } from '../model/spec.ts';
import type { FunctionState, HostState } from '../model/state.ts';
import { settle } from './settle.ts';
import { deploy, endVm, serve, vmGone, vmReady, vmUndead } from './vms.ts';

export interface Step {
  readonly state: HostState;
  readonly actions: readonly Action[];
}

type Request = Extract<HostEvent, { request_id: string; function: string }>;
type News = Extract<HostEvent, { vm_id: string }>;
type InstanceNews = Extract<News, { instance_id: string }>;

export function step(state: HostState, event: HostEvent, now_ms: number): Step {
  const draft = openDraft(state, now_ms);
  handle(draft, event);
  const arrived = event.type === 'invoke' ? event.request_id : null;
  for (const name of draft.edited) {
    const fn = draft.functions.get(name);
    if (fn) settle(draft, fn, arrived);
  }
  const at_ms = earliestWake(draft);
  if (at_ms !== null) draft.actions.push({ type: 'wake', at_ms });
  const next = closeDraft(draft);
  checkHost(next, draft.edited);
  return { state: next, actions: draft.actions };
}

function handle(draft: Draft, event: HostEvent): void {
  if (event.type === 'tick') {
    for (const fn of draft.functions.values()) {
      if (fn.wake_at_ms !== null && fn.wake_at_ms <= draft.now_ms) edit(draft, fn.spec.name);
    }
  } else if (event.type === 'deploy') {
    deploy(draft, edit(draft, event.spec.name), event.request_id, event.spec);
  } else if (event.type === 'cancel') {
    cancel(draft, event.request_id);
  } else if ('function' in event) {
    handleRequest(draft, event);
  } else {
    const fn = editByVm(draft, event.vm_id);
    if (fn) handleNews(draft, fn, event);
  }
}

function handleRequest(draft: Draft, event: Request): void {
  const fn = edit(draft, event.function);
  if (!fn) return replyError(draft, event.request_id, REFUSALS.noFunction(event.function));
  if (event.type === 'invoke') return invoke(draft, fn, event);
  if (event.type === 'remove') return remove(draft, fn, event.request_id, event.drain_ms);
  return drain(draft, fn, event.request_id);
}

function invoke(
  draft: Draft,
  fn: FunctionState,
  event: Extract<Request, { type: 'invoke' }>,
): void {
  const { request_id, invocation_id, work } = event;
  const invocation = { request_id, invocation_id, work, received_at_ms: draft.now_ms };
  const limit = LIMITS.invocations_queued_per_function;
  if (fn.phase === 'draining' || fn.phase === 'ending') {
    refuseInvocation(draft, invocation, 'refused', REFUSALS.removing(fn.spec.name));
  } else if (fn.phase === 'lost') {
    refuseInvocation(draft, invocation, 'refused', REFUSALS.vmLost(fn.spec.name, fn.failure));
  } else if (fn.unresponsive_since_ms !== null) {
    const silent_ms = draft.now_ms - fn.unresponsive_since_ms;
    const failure = REFUSALS.unresponsive(fn.spec.name, silent_ms);
    refuseInvocation(draft, invocation, 'refused', failure);
  } else if (fn.queue.length >= limit) {
    refuseInvocation(draft, invocation, 'refused', REFUSALS.queueFull(fn.spec.name, limit));
  } else {
    fn.queue.push(invocation);
  }
}

/** Waiting invocations are refused, running ones may end within `drain_ms`. */
function remove(draft: Draft, fn: FunctionState, request_id: string, drain_ms: number): void {
  fn.remove_waiters.push(request_id);
  if (fn.phase === 'lost') return vmGone(draft, fn);
  if (fn.phase === 'ending') {
    // A second Remove of a VM that would not end tries again.
    if (fn.failure?.code === 'HP_AGENT_VM_UNDEAD') {
      draft.actions.push({ type: 'shutdown-vm', vm_id: fn.vm_id, failure: fn.failure });
    }
    return;
  }
  const by_ms = draft.now_ms + drain_ms;
  fn.remove_by_ms = Math.min(fn.remove_by_ms ?? by_ms, by_ms);
  if (fn.phase === 'draining') return;
  const removing = REFUSALS.removing(fn.spec.name);
  for (const invocation of fn.queue) refuseInvocation(draft, invocation, 'refused', removing);
  fn.queue = [];
  if (fn.phase !== 'running') return endVm(draft, fn, null);
  fn.phase = 'draining';
  for (const instance of fn.instances) {
    if (instance.phase === 'starting') doomInstance(draft, fn, instance, removing);
  }
}

/** Idle instances stop now; regions with bytes left behind get a fresh round of tries. */
function drain(draft: Draft, fn: FunctionState, request_id: string): void {
  let instances_stopped = 0;
  const serving = fn.phase === 'running' || fn.phase === 'draining';
  for (const instance of serving ? fn.instances : []) {
    if (instance.phase !== 'idle') continue;
    stopInstance(draft, fn, instance);
    instances_stopped += 1;
  }
  for (const region of serving && plugsOnDemand(fn.spec) ? fn.regions : []) {
    if (!regionSettled(region) || region.permit_bytes === 0) continue;
    region.unplug_attempts = 0;
    unplugRegion(draft, fn, region, null);
  }
  const busy = new Set<string | null>();
  for (const { id, phase } of fn.instances) if (phase !== 'stopping') busy.add(id);
  const waiting = fn.regions.filter((region) => !busy.has(region.instance_id));
  const regions = waiting.filter((region) => !regionSettled(region)).map(({ index }) => index);
  fn.drains.push({ request_id, instances_stopped, regions });
  if (serving || fn.phase === 'ending') return;
  fn.drains.pop();
  const reply = { kind: 'drain', finished_at_ms: draft.now_ms, instances_stopped } as const;
  draft.actions.push({ type: 'reply', request_id, reply });
}

function cancel(draft: Draft, request_id: string): void {
  for (const { spec, queue } of draft.functions.values()) {
    if (!queue.some((one) => one.request_id === request_id)) continue;
    const fn = edit(draft, spec.name);
    const index = queue.findIndex((one) => one.request_id === request_id);
    const [invocation] = fn?.queue.splice(index, 1) ?? [];
    if (invocation) refuseInvocation(draft, invocation, 'refused', REFUSALS.cancelled());
    return;
  }
}

function handleNews(draft: Draft, fn: FunctionState, event: News): void {
  switch (event.type) {
    case 'vm-ready':
      if (fn.phase !== 'booting') return;
      fn.facts = event.facts;
      fn.launched_at_ms = event.launched_at_ms;
      return vmReady(draft, fn);
    case 'vm-failed':
      return endVm(draft, fn, event.failure);
    case 'vm-health':
      fn.unresponsive_since_ms = event.responsive ? null : draft.now_ms;
      return;
    case 'vm-gone':
      return vmGone(draft, fn);
    case 'vm-undead':
      return vmUndead(draft, fn, event.reason);
    case 'resized':
      return resized(draft, fn, event.operation_id, event.result);
    default:
      return handleInstance(draft, fn, event);
  }
}

function resized(draft: Draft, fn: FunctionState, id: string, result: ResizeOutcome): void {
  const region = fn.regions.find((one) => one.operation_id === id);
  if (!region) return;
  const instance = fn.instances.find((one) => one.id === region.instance_id);
  const failure = REFUSALS.plugFailed(result.error_code, result.reason);
  if (instance) {
    plugEnded(draft, fn, region, result);
    instance.plug_pending = false;
    instance.plugged_at_ms = result.plugged_at_ms;
    if (result.outcome === 'done') readyWhenComplete(draft, instance);
    else doomInstance(draft, fn, instance, failure);
  } else if (fn.phase === 'filling') {
    plugEnded(draft, fn, region, result);
    if (result.outcome !== 'done') return endVm(draft, fn, failure);
    if (fn.regions.every((one) => one.operation_id === null)) serve(draft, fn);
  } else {
    unplugEnded(draft, fn, region, result);
  }
}

function handleInstance(draft: Draft, fn: FunctionState, event: InstanceNews): void {
  const instance = findInstance(fn, event.instance_id);
  if (!instance) return;
  switch (event.type) {
    case 'instance-started':
      instance.start_pending = false;
      instance.start_stamps = event.stamps;
      return readyWhenComplete(draft, instance);
    case 'instance-start-failed':
      instance.start_pending = false;
      return doomInstance(draft, fn, instance, event.failure);
    case 'invocation-finished':
      if (instance.invocation?.request_id !== event.request_id) return;
      answerInvocation(draft, instance, instance.invocation, { result: event.result });
      instance.phase = 'idle';
      instance.idle_since_ms = draft.now_ms;
      return;
    case 'invocation-failed':
      if (instance.invocation?.request_id !== event.request_id) return;
      return doomInstance(draft, fn, instance, event.failure);
    case 'instance-stopped':
      instance.stop_pending = false;
      instance.gone_at_ms = event.gone_at_ms;
      return;
    case 'instance-stop-failed':
      return stopFailed(draft, fn, instance, event.reason);
    case 'instance-exited': {
      const { reason, status, signal } = event;
      const failure = REFUSALS.instanceExited(reason, status, signal);
      return doomInstance(draft, fn, instance, failure);
    }
    default:
      return unreachable(event);
  }
}

function earliestWake(draft: Draft): number | null {
  let earliest_ms: number | null = null;
  for (const { wake_at_ms } of draft.functions.values()) {
    if (wake_at_ms === null) continue;
    if (earliest_ms === null || wake_at_ms < earliest_ms) earliest_ms = wake_at_ms;
  }
  return earliest_ms;
}
