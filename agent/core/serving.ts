/** Serving: waiting invocations go to idle instances, and to new ones in free regions. */
import { assert } from '../../base/assert.ts';
import type { Refusal } from '../model/refusals.ts';
import type { FunctionState, QueuedInvocation, VmState } from '../model/state.ts';
import { askPlace } from './ask.ts';
import { expectCall } from './expected.ts';
import { type Draft, editInstance, editRegion, editVm, vmsOf } from './draft.ts';
import { findInstance, startInstance } from './instances.ts';
import type { Candidate } from './policy.ts';
import { isNext, sharesDevice } from './devices.ts';
import { isFree } from './regions.ts';

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
      if (isFree(region) && isNext(draft, vm, region)) found.push({ vm, region, instance: null });
    }
  }
  return found;
}

/** Gives waiting invocations, oldest first, to idle instances, as the policy places them. */
export function assignIdle(draft: Draft, fn: FunctionState): void {
  if (fn.queue.length === 0) return;
  const candidates = idleCandidates(draft, fn);
  while (candidates.length > 0) {
    const invocation = fn.queue.first;
    const chosen = invocation ? askPlace(draft, fn, candidates) : null;
    if (!invocation || !chosen?.instance) return;
    fn.queue = fn.queue.shift();
    assign(draft, fn, { vm_id: chosen.vm.id, instance_id: chosen.instance.id }, invocation);
    candidates.splice(candidates.indexOf(chosen), 1);
  }
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
  instance.invocations += 1;
  instance.assigned_at_ms = draft.now_ms;
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
export function startInstances(draft: Draft, fn: FunctionState, count: number): Lack | null {
  if (count <= 0) return null;
  let candidates = freeCandidates(draft, fn);
  if (candidates.length === 0) return null;
  const waiting = uncovered(draft, fn, Math.min(count, candidates.length));
  for (let started = 0; started < count && candidates.length > 0; started += 1) {
    const chosen = askPlace(draft, fn, candidates);
    if (!chosen) return null;
    const vm = editVm(draft, chosen.vm.id);
    assert(vm, 'a candidate is there');
    const region = editRegion(draft, vm, chosen.region.index);
    const invocation = waiting[started] ?? null;
    const lacks = startInstance(draft, fn, vm, region, invocation);
    if (lacks) {
      if (!invocation) return null;
      const place = { vm_id: vm.id, region_index: region.index };
      const missing = Math.min(candidates.length, waiting.length - started);
      return { ...lacks, ...place, invocation, missing, started };
    }
    if (sharesDevice(region)) candidates = freeCandidates(draft, fn);
    else candidates.splice(candidates.indexOf(chosen), 1);
  }
  return null;
}

/** The oldest waiting invocations that no start under way was made for, at most `count`. */
export function uncovered(draft: Draft, fn: FunctionState, count: number): QueuedInvocation[] {
  const causes = new Set<number | null>();
  for (const { instances } of vmsOf(draft, fn)) {
    for (const { phase, cause_sequence } of instances) {
      if (phase === 'starting') causes.add(cause_sequence);
    }
  }
  const found: QueuedInvocation[] = [];
  if (count === 0) return found;
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
