/**
 * After every event: draws all conclusions for one function. Event handlers only note what
 * happened; everything that follows from the new state is decided here, in one order.
 */
import { LIMITS } from '../../base/limits.ts';
import type { Draft } from './draft.ts';
import { releaseStopped, retryStops, startInstance, stopInstance } from './instances.ts';
import { assignIdle, refuseInvocation, refuseQueue } from './invocations.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { freeRegion, regionSettled, unplugRegion } from './regions.ts';
import type { FunctionState } from '../model/state.ts';
import { endVm } from './vms.ts';

/** `arrived`: the invocation this event brought; only it may be refused for want of memory. */
export function settle(draft: Draft, fn: FunctionState, arrived: string | null): void {
  if (fn.phase === 'running' || fn.phase === 'draining') {
    retryStops(draft, fn);
    releaseStopped(draft, fn);
    serveQueue(draft, fn, arrived);
    stopIdle(draft, fn);
    retryUnplugs(draft, fn);
    finishDrains(draft, fn);
    finishRemoval(draft, fn);
    endUnresponsive(draft, fn);
  }
  expireQueue(draft, fn);
  fn.wake_at_ms = earliestWake(fn);
}

/** Idle instances first, then starts in free regions for what is still not covered. */
function serveQueue(draft: Draft, fn: FunctionState, arrived: string | null): void {
  if (fn.phase !== 'running') return;
  assignIdle(draft, fn);
  const refused = startForQueue(draft, fn);
  if (!refused) return;
  const index = fn.queue.findIndex((one) => one.request_id === arrived);
  const [newcomer] = index < 0 ? [] : fn.queue.splice(index, 1);
  if (newcomer) refuseInvocation(draft, newcomer, 'refused', refused);
  const serving = fn.instances.some(({ phase }) => phase === 'busy' || phase === 'starting');
  if (!serving) refuseQueue(draft, fn, 'refused', refused);
}

/** One start for each waiting invocation that no start under way was made for. */
function startForQueue(draft: Draft, fn: FunctionState): Refusal | null {
  const starting = fn.instances.filter(({ phase }) => phase === 'starting');
  let missing = fn.queue.length - starting.length;
  if (missing <= 0 || !freeRegion(fn)) return null;
  const causes = new Set(starting.map((instance) => instance.cause_request_id));
  for (const invocation of fn.queue) {
    if (missing <= 0) return null;
    if (causes.has(invocation.request_id)) continue;
    const region = freeRegion(fn);
    if (!region) return null;
    const refused = startInstance(draft, fn, region, invocation);
    if (refused) return refused;
    missing -= 1;
  }
  return null;
}

/** Idle for keep_alive_ms, or the function is being removed. */
function stopIdle(draft: Draft, fn: FunctionState): void {
  for (const instance of fn.instances) {
    if (instance.phase !== 'idle') continue;
    const due = instance.idle_since_ms + fn.spec.keep_alive_ms <= draft.now_ms;
    if (due || fn.phase === 'draining') stopInstance(draft, fn, instance);
  }
}

function retryUnplugs(draft: Draft, fn: FunctionState): void {
  for (const region of fn.regions) {
    if (region.retry_at_ms === null || region.retry_at_ms > draft.now_ms) continue;
    if (region.instance_id !== null || region.operation_id !== null) continue;
    unplugRegion(draft, fn, region, null);
  }
}

function finishDrains(draft: Draft, fn: FunctionState): void {
  const open = [];
  for (const drain of fn.drains) {
    drain.regions = drain.regions.filter((index) => {
      const region = fn.regions[index];
      return region !== undefined && !regionSettled(region);
    });
    if (drain.regions.length > 0) {
      open.push(drain);
      continue;
    }
    const { request_id, instances_stopped } = drain;
    const reply = { kind: 'drain', finished_at_ms: draft.now_ms, instances_stopped } as const;
    draft.actions.push({ type: 'reply', request_id, reply });
  }
  fn.drains = open;
}

/** Shuts the VM down once it is quiet or silent (nothing ends in it then), or its time is over. */
function finishRemoval(draft: Draft, fn: FunctionState): void {
  if (fn.phase !== 'draining') return;
  const quiet =
    fn.instances.length === 0 && fn.regions.every((region) => region.operation_id === null);
  const late = fn.remove_by_ms !== null && fn.remove_by_ms <= draft.now_ms;
  if (quiet || late || fn.unresponsive_since_ms !== null) endVm(draft, fn, null);
}

function endUnresponsive(draft: Draft, fn: FunctionState): void {
  const since_ms = fn.unresponsive_since_ms;
  if (since_ms === null || draft.now_ms - since_ms < LIMITS.vm_unresponsive_ms) return;
  endVm(draft, fn, REFUSALS.unresponsive(fn.spec.name, draft.now_ms - since_ms));
}

/** The queue is in order of arrival: only its head can be too old. */
function expireQueue(draft: Draft, fn: FunctionState): void {
  for (;;) {
    const [oldest] = fn.queue;
    if (!oldest) return;
    const waited_ms = draft.now_ms - oldest.received_at_ms;
    if (waited_ms < LIMITS.invocation_queued_ms) return;
    fn.queue.shift();
    const failure = REFUSALS.queuedTooLong(fn.spec.name, waited_ms);
    refuseInvocation(draft, oldest, 'refused', failure);
  }
}

function earliestWake(fn: FunctionState): number | null {
  const oldest = fn.queue[0];
  const times: (number | null)[] = [
    fn.phase === 'draining' ? fn.remove_by_ms : null,
    oldest ? oldest.received_at_ms + LIMITS.invocation_queued_ms : null,
  ];
  if (fn.phase === 'running' || fn.phase === 'draining') {
    const since_ms = fn.unresponsive_since_ms;
    if (since_ms !== null) times.push(since_ms + LIMITS.vm_unresponsive_ms);
    for (const region of fn.regions) {
      if (region.instance_id === null && region.operation_id === null) {
        times.push(region.retry_at_ms);
      }
    }
    for (const instance of fn.instances) {
      times.push(instance.stop_retry_at_ms);
      if (instance.phase === 'idle') times.push(instance.idle_since_ms + fn.spec.keep_alive_ms);
    }
  }
  let earliest_ms: number | null = null;
  for (const time_ms of times) {
    if (time_ms !== null && (earliest_ms === null || time_ms < earliest_ms)) earliest_ms = time_ms;
  }
  return earliest_ms;
}
