/** Wakes: the earliest moment at which time alone changes something. */
import type { FunctionState, VmState } from '../model/state.ts';
import { type Draft, readVm } from './draft.ts';
import { comebackWake } from './comeback.ts';
import { mayEmpty } from './devices.ts';
import { isFree } from './regions.ts';
import { memoryWaitEnd } from './shortages.ts';

/** The earlier of two times, of which each may be none. */
export function earlier(a_ms: number | null, b_ms: number | null): number | null {
  if (a_ms === null) return b_ms;
  return b_ms === null || a_ms < b_ms ? a_ms : b_ms;
}

/** Stops and unplugs to be tried again, sizes to be asked again, a silence that lasts too long. */
export function vmWake(draft: Draft, vm: VmState): number | null {
  if (vm.phase !== 'running') return null;
  let wake_ms = vm.size_at_ms;
  const since_ms = vm.unresponsive_since_ms;
  if (since_ms !== null) {
    const { unresponsive_ms, quarantine_ms } = draft.config;
    wake_ms = earlier(wake_ms, since_ms + (vm.retiring ? unresponsive_ms : quarantine_ms));
  }
  const { end_by_ms = null, retry_at_ms = null } = vm.retiring ?? {};
  wake_ms = earlier(earlier(wake_ms, end_by_ms), retry_at_ms);
  for (const region of vm.regions) {
    // One that has to wait for another region of its device is tried again when that has moved.
    if (region.retry_at_ms !== null && isFree(region) && mayEmpty(draft, vm, region)) {
      wake_ms = earlier(wake_ms, region.retry_at_ms);
    }
    const { hold_until_ms, keep_until_ms = null } = region;
    // Once that is over, a region which stays ready all the same waits for something else.
    if (region.ready && keep_until_ms !== null && keep_until_ms > draft.now_ms) {
      wake_ms = earlier(wake_ms, keep_until_ms);
    }
    if (hold_until_ms !== null && hold_until_ms > draft.now_ms) {
      wake_ms = earlier(wake_ms, hold_until_ms);
    }
  }
  for (const { stop_retry_at_ms } of vm.instances) {
    if (stop_retry_at_ms !== null) wake_ms = earlier(wake_ms, stop_retry_at_ms);
  }
  return wake_ms;
}

/** The end of a removal, of the longest wait in the queue, and what its VMs wait for. */
export function functionWake(draft: Draft, fn: FunctionState): number | null {
  const { phase, remove_by_ms } = fn;
  let wake_ms: number | null = null;
  // Once that is over it waits for its VMs: one that is adopted ends as soon as it is.
  if (phase === 'removing' && remove_by_ms !== null && remove_by_ms > draft.now_ms) {
    wake_ms = remove_by_ms;
  }
  const oldest = fn.queue.first;
  if (oldest) wake_ms = earlier(wake_ms, oldest.received_at_ms + draft.config.queued_ms);
  wake_ms = earlier(wake_ms, comebackWake(draft, fn));
  if (fn.targets) wake_ms = earlier(wake_ms, fn.targets.expires_at_ms);
  // Once that is over, what keeps the next VM from being launched ends with an event.
  const retry_at_ms = fn.update?.retry_at_ms ?? null;
  if (retry_at_ms !== null && retry_at_ms > draft.now_ms) wake_ms = earlier(wake_ms, retry_at_ms);
  const { pool_rest_until_ms: rest_ms = null } = fn;
  if (rest_ms !== null && rest_ms > draft.now_ms) wake_ms = earlier(wake_ms, rest_ms);
  if (fn.short) wake_ms = earlier(wake_ms, memoryWaitEnd(draft, fn));
  for (const id of fn.vm_ids) wake_ms = earlier(wake_ms, readVm(draft, id)?.wake_at_ms ?? null);
  return wake_ms;
}
