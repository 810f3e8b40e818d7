/** Serving: waiting invocations go to idle instances, and to new ones in free regions. */
import { assert } from '../../base/assert.ts';
import { isFreeHome } from '../model/parts.ts';
import type { Refusal } from '../model/refusals.ts';
import type { FunctionState, QueuedInvocation, VmState } from '../model/state.ts';
import { askPlace } from './ask.ts';
import { expectCall } from './expected.ts';
import { freeRegions } from './default-policy/scale.ts';
import { type Draft, editInstance, editRegion, editVm, vmsOf } from './draft.ts';
import { findInstance, startInstance } from './instances.ts';
import type { Candidate } from './policy.ts';
import { isNext, sharesDevice } from './devices.ts';
import { noteCallServed } from './pool.ts';
import { deadlineMs } from './slack.ts';
import { forCall, forNobody, type ScaleParts } from './start-reasons.ts';
import { offerIdle } from './warm.ts';

/** VMs that can take work: those whose guest answers, or, when none does, all that run. */
function openVms(draft: Draft, fn: FunctionState): VmState[] {
  const running = vmsOf(draft, fn).filter(
    ({ phase, retiring }) => phase === 'running' && !retiring,
  );
  if (running.length < 2) return running;
  const answering = running.filter((vm) => vm.unresponsive_since_ms === null);
  return answering.length > 0 ? answering : running;
}

function idleCandidates(draft: Draft, fn: FunctionState): Candidate[] {
  const found: Candidate[] = [];
  for (const vm of openVms(draft, fn)) {
    for (const instance of vm.instances) {
      if (instance.phase !== 'idle') continue;
      const region = vm.regions[instance.region_index];
      assert(region, 'an instance has its region');
      found.push({ vm, region, instance });
    }
  }
  return found;
}

function freeCandidates(draft: Draft, fn: FunctionState): Candidate[] {
  const found: Candidate[] = [];
  for (const vm of openVms(draft, fn)) {
    for (const region of vm.regions) {
      if (!isFreeHome(vm.regions, region) || !isNext(draft, vm, region)) continue;
      found.push({ vm, region, instance: null });
    }
  }
  return found;
}

/**
 * Gives waiting invocations to idle instances, as the policy places them: oldest first, or, where
 * some have a deadline of their own, whoever is to be over first.
 */
export function assignIdle(draft: Draft, fn: FunctionState): void {
  if (fn.queue.length === 0) return;
  const candidates = idleCandidates(draft, fn);
  while (candidates.length > 0) {
    const invocation = nextOf(draft, fn);
    if (!invocation) return;
    const { candidates: offered, inputs } = offerIdle(draft, fn, invocation, candidates);
    const chosen = askPlace(draft, fn, offered, inputs);
    if (!chosen?.instance) return;
    fn.queue = fn.queue.without(invocation);
    assign(draft, fn, { vm_id: chosen.vm.id, instance_id: chosen.instance.id }, invocation);
    if (fn.queue.length === 0) return;
    candidates.splice(candidates.indexOf(chosen), 1);
  }
}

/** Whether who is to be over first goes first: the functions of a DAG wait for each other. */
const goesBySlack = ({ config }: Draft, { queue }: FunctionState): boolean =>
  queue.dated > 0 && config.queue.by_slack;

/** Who waits and is served next; undefined: nobody. */
function nextOf(draft: Draft, fn: FunctionState): QueuedInvocation | undefined {
  if (!goesBySlack(draft, fn)) return fn.queue.first;
  let next: QueuedInvocation | undefined;
  let least_ms = Number.POSITIVE_INFINITY;
  for (const one of fn.queue) {
    const at_ms = deadlineMs(draft, fn, one);
    if (next && at_ms >= least_ms) continue;
    next = one;
    least_ms = at_ms;
  }
  return next;
}

/**
 * Those that starts are made for, likewise. Where memory is wanting all wait in the order in which
 * they came: nobody who came later passes one who came before, of whatever function.
 */
function startedFor(draft: Draft, fn: FunctionState, count: number): QueuedInvocation[] {
  if (!goesBySlack(draft, fn) || draft.short.length > 0) return uncovered(draft, fn, count);
  return uncovered(draft, fn, fn.queue.length)
    .toSorted((a, b) => deadlineMs(draft, fn, a) - deadlineMs(draft, fn, b))
    .slice(0, count);
}

function assign(
  draft: Draft,
  fn: FunctionState,
  { vm_id, instance_id }: { readonly vm_id: string; readonly instance_id: string },
  invocation: QueuedInvocation,
): void {
  const vm = editVm(draft, vm_id);
  const found = vm && findInstance(vm, instance_id);
  assert(vm && found, 'a candidate is there');
  const instance = editInstance(draft, vm, found);
  assert(instance.phase === 'idle' && instance.invocation === null, 'an idle one runs nothing');
  instance.phase = 'busy';
  instance.invocation = invocation;
  draft.running += 1;
  instance.invocations += 1;
  instance.assigned_at_ms = draft.now_ms;
  noteCallServed(draft, fn, instance, invocation);
  expectCall(fn, instance, invocation);
  draft.actions.push({
    type: 'invoke-instance',
    vm_id,
    instance_id,
    request_id: invocation.request_id,
    deadline_ms: timeoutOf(draft, fn, invocation),
  });
}

/** What ended the starts of a function: there was no memory for one that somebody waits for. */
export interface Lack {
  readonly failure: Refusal;
  /** The oldest invocation that waits and that no start was made for. */
  readonly invocation: QueuedInvocation;
  readonly vm_id: string;
  /** The region that lacks it. */
  readonly region_index: number;
  /** The size its region was to have, and by how much its permit is short of that. */
  readonly to_bytes: number;
  readonly more_bytes: number;
  /** Starts that there are regions and invocations for. */
  readonly missing: number;
  /** Starts that got their memory before. */
  readonly started: number;
}

/**
 * So many new instances, each for the oldest invocation that no start under way was made for, and
 * further ones for none; as far as there are free regions. Null: memory was wanting for nobody.
 */
export function startInstances(
  draft: Draft,
  fn: FunctionState,
  count: number,
  parts: ScaleParts,
): Lack | null {
  if (count <= 0) return null;
  let candidates = freeCandidates(draft, fn);
  if (candidates.length === 0) return null;
  // Of regions that share a device the next one is a candidate alone, and the others follow it.
  const regions = Math.max(candidates.length, freeRegions(vmsOf(draft, fn)));
  const waiting = startedFor(draft, fn, Math.min(count, regions));
  for (let started = 0; started < count && candidates.length > 0; started += 1) {
    const chosen = askPlace(draft, fn, candidates);
    if (!chosen) return null;
    const vm = editVm(draft, chosen.vm.id);
    assert(vm, 'a candidate is there');
    const region = editRegion(draft, vm, chosen.region.index);
    const invocation = waiting[started] ?? null;
    const made_for = invocation ? forCall(invocation) : forNobody(fn, parts, started);
    const lacks = startInstance(draft, fn, { vm, region }, { cause: invocation, made_for });
    if (lacks) {
      if (!invocation) return null;
      const missing = Math.min(candidates.length, waiting.length - started);
      return { ...lacks, vm_id: vm.id, invocation, missing, started };
    }
    if (sharesDevice(region)) candidates = freeCandidates(draft, fn);
    else candidates.splice(candidates.indexOf(chosen), 1);
  }
  return null;
}

/** The invocations that starts under way were made for; null: one is for none. */
function startCauses(draft: Draft, fn: FunctionState): Set<number | null> {
  const causes = new Set<number | null>();
  for (const { instances } of vmsOf(draft, fn)) {
    for (const { phase, cause_sequence } of instances) {
      if (phase === 'starting') causes.add(cause_sequence);
    }
  }
  return causes;
}

/** How many {@link uncovered} would find, without a look at all that wait. */
export function countUncovered(draft: Draft, fn: FunctionState): number {
  let count = fn.queue.length;
  for (const cause of startCauses(draft, fn)) {
    if (cause !== null && fn.queue.find(cause)) count -= 1;
  }
  return count;
}

/** The oldest waiting invocations that no start under way was made for, at most `count`. */
export function uncovered(draft: Draft, fn: FunctionState, count: number): QueuedInvocation[] {
  const found: QueuedInvocation[] = [];
  if (count === 0) return found;
  const causes = startCauses(draft, fn);
  for (const invocation of fn.queue) {
    if (causes.has(invocation.sequence)) continue;
    found.push(invocation);
    if (found.length === count) break;
  }
  return found;
}

/** The caller's own word, or the function's, or the bound of any; never above the function's. */
export function timeoutOf(draft: Draft, fn: FunctionState, invocation: QueuedInvocation): number {
  const own_ms = fn.spec.program?.timeout_ms ?? null;
  const asked_ms = invocation.timeout_ms ?? own_ms ?? draft.config.invocation_ms;
  return own_ms === null ? asked_ms : Math.min(asked_ms, own_ms);
}
