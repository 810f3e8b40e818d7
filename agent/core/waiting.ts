/**
 * Waiting: a start without memory waits while something on the host gives memory back, idle
 * instances that are made to give way included, and then in the order in which invocations came,
 * whatever function they are of. What cannot hope, or has waited for its bound, is refused.
 */
import { assert } from '../../base/assert.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, QueuedInvocation, Shortage } from '../model/state.ts';
import type { Tier } from '../model/tiers.ts';
import { type Draft, editRegion, editVm, readVm, vmsOf } from './draft.ts';
import { comingBytes, makeRoom } from './give-way.ts';
import { refuseInvocation, refuseQueue } from './invocations.ts';
import { recordRefused } from './operations.ts';
import { freeBytes } from './permits.ts';
import { type Lack, uncovered } from './serving.ts';
import { lackedUntil, setShortage } from './shortages.ts';

/** What the starts of a function came to: null where nobody lacks memory. */
export function waitForMemory(draft: Draft, fn: FunctionState, lack: Lack | null): void {
  if (!lack) return setShortage(draft, fn, null);
  const { invocation, more_bytes, missing, started } = lack;
  const since_ms = fn.short && started === 0 ? fn.short.since_ms : draft.now_ms;
  const { received_at_ms } = invocation;
  const tier = tierOfLack(draft, lack);
  const wanted_bytes = more_bytes * missing;
  const short = { since_ms, received_at_ms, wanted_bytes, ...(tier !== 'host' && { tier }) };
  const hopes = canHope(draft, fn, lack, short);
  if (!hopes) giveUp(draft, fn, lack);
  if (draft.config.memory_wait_ms > 0) refuseOverdue(draft, fn, lack, since_ms);
  const [oldest] = hopes && fn.queue.length > 0 ? uncovered(draft, fn, 1) : [];
  const waits = oldest ? { ...short, received_at_ms: oldest.received_at_ms } : null;
  setShortage(draft, fn, waits);
}

function tierOfLack(draft: Draft, { vm_id, region_index }: Lack): Tier {
  const region = readVm(draft, vm_id)?.regions[region_index];
  assert(region, 'a region that was asked for is there');
  return region.tier;
}

/** Whether memory comes back to this host, for which idle instances are made to give way. */
function canHope(draft: Draft, fn: FunctionState, lack: Lack, short: Shortage): boolean {
  if (draft.config.memory_wait_ms === 0) return false;
  const tier = tierOfLack(draft, lack);
  const coming_bytes = comingBytes(draft, tier);
  const wanted_bytes = lackedUntil(draft, fn, short) - freeBytes(draft, tier) - coming_bytes;
  const least_bytes = wanted_bytes - short.wanted_bytes + lack.more_bytes;
  return coming_bytes + makeRoom(draft, fn, { tier, least_bytes, wanted_bytes }) > 0;
}

/**
 * No memory comes: the invocation this event brought is refused, the others go on waiting for what
 * runs; where nothing runs, they wait for nothing and are refused too.
 */
function giveUp(draft: Draft, fn: FunctionState, lack: Lack): void {
  const { arrived } = draft;
  const newcomer = arrived && fn.queue.find(arrived.sequence);
  if (newcomer && newcomer.request_id === arrived.request_id) {
    fn.queue = fn.queue.without(newcomer);
    refuseInvocation(draft, newcomer, 'refused', lack.failure);
    recordLack(draft, fn, lack);
  }
  const serving = vmsOf(draft, fn).some(({ instances }) =>
    instances.some(({ phase }) => phase === 'busy' || phase === 'starting'),
  );
  if (serving || fn.queue.length === 0) return;
  refuseQueue(draft, fn, 'refused', lack.failure);
  if (!newcomer) recordLack(draft, fn, lack);
}

/** Those that have waited for the bound, which are the oldest. */
function refuseOverdue(draft: Draft, fn: FunctionState, lack: Lack, since_ms: number): void {
  if (!fn.short) return;
  let refused = 0;
  for (const invocation of uncovered(draft, fn, fn.queue.length)) {
    const waited_ms = draft.now_ms - waitsSince(invocation, since_ms);
    if (waited_ms < draft.config.memory_wait_ms) break;
    fn.queue = fn.queue.without(invocation);
    const failure = REFUSALS.waitedForMemory(lack.failure, waited_ms);
    refuseInvocation(draft, invocation, 'refused', failure);
    refused += 1;
  }
  if (refused > 0) recordLack(draft, fn, lack);
}

function waitsSince({ received_at_ms }: QueuedInvocation, since_ms: number): number {
  return Math.max(received_at_ms, since_ms);
}

/** The plug that was never sent. */
function recordLack(draft: Draft, fn: FunctionState, lack: Lack): void {
  const vm = editVm(draft, lack.vm_id);
  assert(vm, 'a region that was asked for is there');
  const region = editRegion(draft, vm, lack.region_index);
  const { to_bytes, failure } = lack;
  recordRefused(draft, { fn, vm, region, cause: 'start', to_bytes, instance: null }, failure);
}
