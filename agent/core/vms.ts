/** Function VMs: launch, ready, the ways one ends, and what that means for its function. */
import { assert } from '../../base/assert.ts';
import { regionName } from '../model/layout.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { refuseKernel } from '../model/series.ts';
import {
  type FunctionSpec,
  plugsOnDemand,
  farIndex,
  isFarIndex,
  regionBytes,
  regionsPerVm,
  regionTier,
  spanAt,
} from '../model/spec.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import {
  hostBytes,
  lessBytes,
  NO_BYTES,
  sumBytes,
  type TierBytes,
  tierBytes,
} from '../model/tiers.ts';
import { addressesFor } from './addresses.ts';
import { functionGone, NOBODY, refuseUpdates, replyDeployed } from './callers.ts';
import { type Draft, editInstance, editRegion, newId, replyError, vmsOf } from './draft.ts';
import { comebackAfter } from './comeback.ts';
import { answerInvocation, refuseQueue } from './invocations.ts';
import { plug } from './operations.ts';
import { askFor, permitsOf } from './permits.ts';
import { pressedTo } from './pressed.ts';
import { dropOperation } from './queue.ts';
import { closeSpans } from './spans.ts';

/**
 * What a VM of the function takes before it serves: boot memory, VMM, and what it is filled with.
 */
function launchBytes(draft: Draft, { spec }: Pick<FunctionState, 'spec'>): TierBytes {
  const regions = plugsOnDemand(spec) ? 0 : spec.concurrency * regionBytes(spec);
  const boot = hostBytes(spec.boot_bytes + draft.config.vmm_overhead_bytes);
  return sumBytes(boot, tierBytes(regionTier(spec), regions));
}

/**
 * Grants and launches one more VM; or the refusal, and nothing has changed. `replaced`: lost ones
 * that give way to it.
 */
export function launchVm(draft: Draft, fn: FunctionState, replaced = 0): Refusal | null {
  if (draft.cordon) return REFUSALS.hostCordoned(draft.cordon);
  const { vms_max, vmm_overhead_bytes } = draft.config;
  if (countVms(draft) - replaced >= vms_max) return REFUSALS.tooManyFunctions(vms_max);
  const granted = launchBytes(draft, fn);
  const refused = pressedTo(draft, 'start') ?? askFor(draft, granted);
  if (refused) return refused;
  const { spec } = fn;
  const addresses = addressesFor(draft, spec);
  if ('refused' in addresses) return addresses.refused;
  const id = newId(draft, 'vm');
  const region_bytes = plugsOnDemand(spec) ? 0 : regionBytes(spec);
  draft.granted = sumBytes(draft.granted, granted);
  draft.vms.set(id, {
    id,
    function: spec.name,
    phase: 'booting',
    requested_at_ms: draft.now_ms,
    launched_at_ms: 0,
    ready_at_ms: null,
    facts: null,
    boot_permit: hostBytes(spec.boot_bytes),
    overhead_permit: hostBytes(vmm_overhead_bytes),
    network: addresses.network,
    regions: Array.from({ length: regionsPerVm(spec) }, (_, index) =>
      newRegion(spec, index, region_bytes),
    ),
    instances: [],
    instances_started: 0,
    made_ready: false,
    failure: null,
    unresponsive_since_ms: null,
    outdated: null,
    retiring: null,
    quiet_since_ms: null,
    size_at_ms: null,
    wake_at_ms: null,
  });
  fn.vm_ids = [...fn.vm_ids, id];
  draft.actions.push({ type: 'launch-vm', vm_id: id, spec });
  return null;
}

/** VMs of this host, those of this step included. */
function countVms(draft: Draft): number {
  let count = draft.state.vms.size;
  for (const id of draft.vms.keys) {
    count += (draft.vms.get(id) ? 1 : 0) - (draft.state.vms.has(id) ? 1 : 0);
  }
  return count;
}

function newRegion(spec: FunctionSpec, index: number, permit_bytes: number): RegionState {
  const of_spans = spanAt(spec, index) !== null;
  const of_far = isFarIndex(spec, index);
  const far_index = of_far ? null : farIndex(spec, index);
  return {
    index,
    id: regionName(index),
    device: regionName(index),
    tier: regionTier(spec, index),
    holder: null,
    target_bytes: 0,
    plugged_bytes: 0,
    used_bytes: null,
    permit_bytes,
    operation_id: null,
    ready: false,
    unplug_attempts: 0,
    retry_at_ms: null,
    hold_until_ms: null,
    span: null,
    ...(of_spans && { of_spans, named: null }),
    ...(of_far && { of_far }),
    ...(far_index !== null && { far_index }),
  };
}

/** Hello came. `static` then plugs all its regions before it serves. */
export function vmReady(draft: Draft, fn: FunctionState, vm: VmState): void {
  const spec = vmSpec(fn, vm);
  const too_old = refuseKernel(spec, vm.facts);
  if (too_old) return endVm(draft, fn, vm, too_old);
  if (plugsOnDemand(spec)) return serve(draft, fn, vm);
  vm.phase = 'filling';
  const to_bytes = regionBytes(spec);
  for (const { index } of vm.regions) {
    const region = editRegion(draft, vm, index);
    const refused = plug(draft, { fn, vm, region, cause: 'fill', to_bytes, instance: null });
    if (refused) return endVm(draft, fn, vm, refused);
  }
}

/** The VM takes work from now on; the first one makes its function serve. */
export function serve(draft: Draft, fn: FunctionState, vm: VmState): void {
  vm.phase = 'running';
  vm.ready_at_ms = draft.now_ms;
  if (fn.phase === 'deploying') fn.phase = 'serving';
  tellDeployers(draft, fn, vm);
}

/** Answers all who asked for the function while no VM of it served. */
export function tellDeployers(draft: Draft, fn: FunctionState, vm: VmState): void {
  for (const request_id of fn.waiters.deploy) replyDeployed(draft, fn, vm, { request_id });
  fn.waiters = { ...fn.waiters, deploy: [] };
}

const isOver = ({ phase }: VmState): boolean => phase === 'ending' || phase === 'lost';

/**
 * Shuts the VM down, whatever runs in it: every invocation in it is answered now, callers of Remove
 * and Drain when nothing is left. `failure` null: it was asked for. Permits stay until then. With
 * its last VM a function ends too, and nobody waits for it any longer.
 */
export function endVm(draft: Draft, fn: FunctionState, vm: VmState, failure: Refusal | null): void {
  if (isOver(vm)) return;
  vm.phase = 'ending';
  vm.failure = failure;
  if (failure) noteFailure(draft, fn, vm, failure);
  const { cordon } = draft;
  const stays = cordon !== null && fn.phase !== 'removing';
  const ended = failure ?? (stays ? REFUSALS.hostCordoned(cordon) : null);
  const why = ended ?? REFUSALS.removing(fn.spec.name);
  for (const found of vm.instances) {
    if (found.invocation) {
      const instance = editInstance(draft, vm, found);
      answerInvocation(draft, instance, found.invocation, { failure: why });
    }
  }
  if (vmsOf(draft, fn).every(isOver)) {
    // A function that was being removed or never served leaves nothing to come back to.
    fn.forget = fn.phase === 'removing' || (fn.phase === 'deploying' && fn.comeback === null);
    fn.comeback = fn.forget ? null : comebackAfter(draft, fn, vm);
    fn.phase = 'ending';
    fn.failure = ended;
    refuseQueue(draft, fn, 'failed', why);
    refuseUpdates(draft, fn, why);
    fn.update = null;
  }
  vm.instances = [];
  closeSpans(draft, fn, vm);
  for (const { index } of vm.regions) giveUp(draft, editRegion(draft, vm, index));
  draft.actions.push({ type: 'shutdown-vm', vm_id: vm.id, failure });
}

/** Its permit alone stays: nothing that is still to come of it means anything. */
function giveUp(draft: Draft, region: RegionState): void {
  if (region.operation_id !== null) dropOperation(draft, region.operation_id);
  region.holder = null;
  region.used_bytes = null;
  region.operation_id = null;
  region.ready = false;
  if (region.named) region.named = null;
  region.retry_at_ms = null;
  region.hold_until_ms = null;
}

/** Keeps for Status what went wrong last. */
export function noteFailure(draft: Draft, fn: FunctionState, vm: VmState, failure: Refusal): void {
  fn.last_failure = { failure, vm_id: vm.id, at_ms: draft.now_ms };
}

/** Nothing of the VM is left: permits return, and whoever waited for its end is told. */
export function vmGone(draft: Draft, fn: FunctionState, vm: VmState): void {
  if (vm.phase !== 'ending') return;
  draft.granted = lessBytes(draft.granted, permitsOf(vm));
  vm.phase = 'lost';
  vm.boot_permit = NO_BYTES;
  vm.overhead_permit = NO_BYTES;
  vm.network = null;
  vm.regions = [];
  if (fn.vm_ids.length === 1) return functionGone(draft, fn);
  draft.vms.set(vm.id, null);
  fn.vm_ids = fn.vm_ids.filter((id) => id !== vm.id);
}

/** It would not end. Its permits stay: the host may still hold its memory. */
export function vmUndead(draft: Draft, fn: FunctionState, vm: VmState, reason: string): void {
  const failure = REFUSALS.vmUndead(fn.spec.name, reason);
  const { deploy, remove, drain } = fn.waiters;
  const waiting = [...deploy, ...remove, ...drain.map(({ request_id }) => request_id)];
  for (const request_id of waiting) replyError(draft, request_id, failure);
  refuseUpdates(draft, fn, failure);
  fn.waiters = NOBODY;
  vm.failure = failure;
  if (fn.phase === 'ending') {
    fn.failure = failure;
    refuseQueue(draft, fn, 'failed', failure);
  }
  noteFailure(draft, fn, vm, failure);
  draft.actions.push({
    type: 'report',
    level: 'error',
    code: failure.code,
    function: fn.spec.name,
    vm_id: vm.id,
    message: failure.message,
  });
}

/** Tries once more to end VMs that would not end; the waiters of Remove hope again. */
export function endUndead(draft: Draft, fn: FunctionState): void {
  for (const { id, failure, phase } of vmsOf(draft, fn)) {
    if (phase !== 'ending' || failure?.code !== 'HP_AGENT_VM_UNDEAD') continue;
    draft.actions.push({ type: 'shutdown-vm', vm_id: id, failure });
  }
}

/** The one to speak of when one is asked for: the first that runs, else the first. */
export function firstVm(draft: Draft, fn: FunctionState): VmState {
  const vms = vmsOf(draft, fn);
  const first = vms.find(({ phase }) => phase === 'running') ?? vms[0];
  assert(first, 'a function has a VM, or the last it had');
  return first;
}
