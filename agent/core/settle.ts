/**
 * After every event: draws all conclusions for one function. Event handlers only note what
 * happened; everything that follows from the new state is decided here, in one order, and the
 * policy is asked its questions here (but `admit`, which is asked when an invocation arrives).
 */
import { assert } from '../../base/assert.ts';
import type { HostEvent } from '../model/events.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, VmState } from '../model/state.ts';
import { heedCordon } from './cordon.ts';
import {
  type Draft,
  editedVmsOf,
  editFunction,
  editInstance,
  editVmsOf,
  readFunction,
} from './draft.ts';
import { finishDrains } from './drains.ts';
import { comeBack } from './functions.ts';
import { comingBytes } from './give-way.ts';
import { releaseStopped, retryStops, stopInstance } from './instances.ts';
import { settleSpans } from './named-spans.ts';
import { refuseInvocation } from './invocations.ts';
import { retryUnplugs } from './regions.ts';
import { retierVm } from './retier.ts';
import { retireVms } from './retire.ts';
import { isQuiet, scaleFunction } from './scaling.ts';
import { assignIdle } from './serving.ts';
import { type Tier, tiersIn } from '../model/tiers.ts';
import { setShortage, shortTier } from './shortages.ts';
import { sizeRegions } from './sizing.ts';
import { denyWaits } from './spans.ts';
import { expireTargets } from './targets.ts';
import { rollOut } from './updates.ts';
import { endVm } from './vms.ts';
import { earlier, functionWake, vmWake } from './wakes.ts';

/** Only VMs that this event or this function's own decisions touched are looked at one by one. */
export function settle(draft: Draft, fn: FunctionState): void {
  expireTargets(draft, fn);
  comeBack(draft, fn);
  const working = fn.phase === 'serving' || fn.phase === 'removing';
  const policy_ms = working ? decide(draft, fn) : null;
  for (const vm of editedVmsOf(draft, fn)) {
    if (vm?.phase !== 'running') continue;
    retryUnplugs(draft, fn, vm);
    settleVm(draft, fn, vm);
  }
  heedCordon(draft, fn);
  if (working) finishDrains(draft, fn);
  if (fn.phase === 'removing') finishRemoval(draft, fn);
  expireQueue(draft, fn);
  if (fn.phase !== 'serving' || fn.queue.length === 0) setShortage(draft, fn, null);
  for (const vm of editedVmsOf(draft, fn)) if (vm) vm.wake_at_ms = vmWake(draft, vm);
  fn.wake_at_ms = earlier(policy_ms, functionWake(draft, fn));
  draft.alarms.set(fn.spec.name, fn.wake_at_ms);
}

/** What ends makes room, then what waits is served. When the policy wants to be asked again. */
function decide(draft: Draft, fn: FunctionState): number | null {
  for (const vm of editedVmsOf(draft, fn)) {
    if (vm?.phase !== 'running') continue;
    retryStops(draft, vm);
    releaseStopped(draft, fn, vm);
    noteQuiet(draft, vm);
  }
  if (fn.phase === 'serving') {
    rollOut(draft, fn);
    retireVms(draft, fn);
    // With the last VM that retired it has ended; it comes back by a call, and not by a policy.
    if (!serves(fn)) return null;
    assignIdle(draft, fn);
    return scaleFunction(draft, fn);
  }
  stopAll(draft, fn);
  return null;
}

/** Asked again: what went before may have ended it. */
function serves({ phase }: FunctionState): boolean {
  return phase === 'serving';
}

/** Before the policy is asked, which may wait for the end of the quiet, and after what it did. */
function noteQuiet(draft: Draft, vm: VmState): void {
  vm.quiet_since_ms = isQuiet(vm) ? (vm.quiet_since_ms ?? draft.now_ms) : null;
}

/** Sizes of its regions, its quiet, its silence. */
function settleVm(draft: Draft, fn: FunctionState, vm: VmState): void {
  vm.size_at_ms = sizeRegions(draft, fn, vm);
  vm.size_at_ms = earlier(vm.size_at_ms, denyWaits(draft, fn, vm));
  vm.size_at_ms = earlier(vm.size_at_ms, settleSpans(draft, fn, vm));
  retierVm(draft, fn, vm);
  noteQuiet(draft, vm);
  endUnresponsive(draft, fn, vm);
}

/** The function is being removed: what becomes idle stops. */
function stopAll(draft: Draft, fn: FunctionState): void {
  for (const vm of editedVmsOf(draft, fn)) {
    if (vm?.phase !== 'running') continue;
    for (const instance of vm.instances) {
      if (instance.phase !== 'idle') continue;
      stopInstance(draft, vm, editInstance(draft, vm, instance));
    }
  }
}

/** Shuts VMs down once they are quiet or silent (nothing ends there then), or time is over. */
function finishRemoval(draft: Draft, fn: FunctionState): void {
  const late = fn.remove_by_ms !== null && fn.remove_by_ms <= draft.now_ms;
  for (const vm of late ? editVmsOf(draft, fn) : editedVmsOf(draft, fn)) {
    if (vm?.phase !== 'running') continue;
    const empty = vm.instances.length === 0;
    const quiet = empty && vm.regions.every(({ operation_id }) => operation_id === null);
    if (quiet || late || vm.unresponsive_since_ms !== null) endVm(draft, fn, vm, null);
  }
}

function endUnresponsive(draft: Draft, fn: FunctionState, vm: VmState): void {
  const since_ms = vm.unresponsive_since_ms;
  if (since_ms === null || draft.now_ms - since_ms < draft.config.unresponsive_ms) return;
  endVm(draft, fn, vm, REFUSALS.unresponsive(fn.spec.name, draft.now_ms - since_ms));
}

/** The queue is in order of arrival: only its head can be too old. */
function expireQueue(draft: Draft, fn: FunctionState): void {
  for (let oldest = fn.queue.first; oldest; oldest = fn.queue.first) {
    const waited_ms = draft.now_ms - oldest.received_at_ms;
    if (waited_ms < draft.config.queued_ms) return;
    fn.queue = fn.queue.shift();
    const failure = REFUSALS.queuedTooLong(fn.spec.name, waited_ms);
    refuseInvocation(draft, oldest, 'refused', failure);
  }
}

/**
 * Memory may have come back, or somebody can give way: functions that wait for it are looked at in
 * their order, as long as one gets what it wants. None is passed by one that came later.
 */
export function settleShort(draft: Draft, { type }: HostEvent): void {
  if (!NO_NEWS_OF_MEMORY.has(type) || hasNewFirst(draft)) {
    settleInTurn(draft, () => true);
  }
  // What was made to give way may be taken by a start that goes before: who waits is then looked
  // at again, and waits for something else or is refused in this very step.
  if (draft.actions.length > 0) settleInTurn(draft, (tier) => comingBytes(draft, tier) === 0);
}

/** Whether another one waits longest; of several tiers each has one. */
function hasNewFirst({ short, state }: Draft): boolean {
  if (short === state.short) return false;
  return short[0] !== state.short[0] || tiersIn(state.capacity).length > 1;
}

/** Whoever waits longest for memory of its tier, each once, while it is wanted. */
function settleInTurn(draft: Draft, isWanted: (tier: Tier) => boolean): void {
  const seen = new Set<string>();
  for (;;) {
    const name = nextInTurn(draft, seen, isWanted);
    if (name === null) return;
    seen.add(name);
    const fn = editFunction(draft, name);
    assert(fn, 'a function that waits is there');
    settle(draft, fn);
  }
}

/** The first of a tier, unless it was looked at; null: there is none. */
function nextInTurn(
  draft: Draft,
  seen: ReadonlySet<string>,
  isWanted: (tier: Tier) => boolean,
): string | null {
  const passed = new Set<Tier>();
  for (const name of draft.short) {
    const short = readFunction(draft, name)?.short;
    assert(short, 'a function in the order of those that wait does so');
    const tier = shortTier(short);
    if (passed.has(tier)) continue;
    if (!seen.has(name) && isWanted(tier)) return name;
    passed.add(tier);
  }
  return null;
}

const NO_NEWS_OF_MEMORY: ReadonlySet<HostEvent['type']> = new Set([
  'usage',
  'region-prepared',
  'vm-health',
  'invoke',
]);
