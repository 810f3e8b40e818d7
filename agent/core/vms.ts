/** The function VM: deploy, ready, the ways it ends, and what its callers are told. */
import { LIMITS } from '../../base/limits.ts';
import { type Draft, newId, put, replyError } from './draft.ts';
import { answerInvocation, refuseQueue } from './invocations.ts';
import { askFor } from './permits.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { plugRegion } from './regions.ts';
import { type FunctionSpec, plugsOnDemand, regionBytes, specDifferences } from '../model/spec.ts';
import type { FunctionState, LastFailure, RegionState } from '../model/state.ts';

/** A new function, a repeated Deploy, or a new VM for a function that lost its own. */
export function deploy(
  draft: Draft,
  fn: FunctionState | undefined,
  request_id: string,
  spec: FunctionSpec,
): void {
  if (fn) {
    const fields = specDifferences(fn.spec, spec);
    if (fields.length > 0)
      return replyError(draft, request_id, REFUSALS.conflict(spec.name, fields));
    if (fn.phase === 'draining' || fn.phase === 'ending') {
      return replyError(draft, request_id, REFUSALS.removing(spec.name));
    }
    if (fn.phase === 'running') return replyDeployed(draft, fn, request_id);
    if (fn.phase !== 'lost') {
      fn.deploy_waiters.push(request_id);
      return;
    }
  } else if (draft.functions.size >= LIMITS.vms_per_host) {
    return replyError(draft, request_id, REFUSALS.tooManyFunctions(LIMITS.vms_per_host));
  }
  const region_bytes = plugsOnDemand(spec) ? 0 : regionBytes(spec);
  const boot_bytes = spec.boot_bytes + draft.vmm_overhead_bytes;
  const refused =
    neverFits(draft, spec) ?? askFor(draft, boot_bytes + region_bytes * spec.concurrency);
  if (refused) return replyError(draft, request_id, refused);
  launch(draft, spec, request_id, { region_bytes, last_failure: fn?.last_failure ?? null });
}

/** What no waiting helps: a VM with one instance is more than the host, empty, may give. */
function neverFits(draft: Draft, spec: FunctionSpec): Refusal | null {
  const { limit_bytes, vmm_overhead_bytes, host_cpus } = draft;
  if (host_cpus !== null && spec.vcpus > host_cpus) {
    return REFUSALS.tooManyVcpus(spec.vcpus, host_cpus);
  }
  const regions = plugsOnDemand(spec) ? 1 : spec.concurrency;
  const needed_bytes = spec.boot_bytes + vmm_overhead_bytes + regions * regionBytes(spec);
  if (needed_bytes <= limit_bytes) return null;
  return REFUSALS.neverFits(spec, regions, { needed_bytes, vmm_overhead_bytes, limit_bytes });
}

function launch(
  draft: Draft,
  spec: FunctionSpec,
  request_id: string,
  from: { readonly region_bytes: number; readonly last_failure: LastFailure | null },
): void {
  const vm_id = newId(draft, 'vm');
  put(draft, {
    spec,
    vm_id,
    phase: 'booting',
    requested_at_ms: draft.now_ms,
    launched_at_ms: 0,
    ready_at_ms: null,
    facts: null,
    boot_permit_bytes: spec.boot_bytes,
    overhead_permit_bytes: draft.vmm_overhead_bytes,
    regions: Array.from({ length: spec.concurrency }, (_, index) =>
      newRegion(index, from.region_bytes),
    ),
    instances: [],
    instances_started: 0,
    queue: [],
    deploy_waiters: [request_id],
    remove_waiters: [],
    drains: [],
    forget: false,
    failure: null,
    unresponsive_since_ms: null,
    last_failure: from.last_failure,
    remove_by_ms: null,
    wake_at_ms: null,
  });
  draft.actions.push({ type: 'launch-vm', vm_id, spec });
}

function newRegion(index: number, permit_bytes: number): RegionState {
  return {
    index,
    id: `r${index}`,
    permit_bytes,
    plugged_bytes: 0,
    operation_id: null,
    instance_id: null,
    unplug_attempts: 0,
    retry_at_ms: null,
  };
}

function replyDeployed(draft: Draft, fn: FunctionState, request_id: string): void {
  if (!fn.facts || fn.ready_at_ms === null) throw new Error('a running VM has said what it is');
  const { vm_id, requested_at_ms, launched_at_ms, ready_at_ms, facts } = fn;
  const reply = { vm_id, requested_at_ms, launched_at_ms, ready_at_ms, facts };
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'deploy', ...reply } });
}

/** Hello came. `static` then plugs all its regions before it serves. */
export function vmReady(draft: Draft, fn: FunctionState): void {
  if (plugsOnDemand(fn.spec)) return serve(draft, fn);
  fn.phase = 'filling';
  for (const region of fn.regions) {
    const refused = plugRegion(draft, fn, region, '');
    if (refused) return endVm(draft, fn, refused);
  }
}

export function serve(draft: Draft, fn: FunctionState): void {
  fn.phase = 'running';
  fn.ready_at_ms = draft.now_ms;
  for (const request_id of fn.deploy_waiters) replyDeployed(draft, fn, request_id);
  fn.deploy_waiters = [];
}

/**
 * Shuts the VM down, whatever runs in it: every invocation is answered now, callers of Deploy,
 * Remove and Drain when nothing is left. `failure` null: it was asked for. Permits stay until then.
 */
export function endVm(draft: Draft, fn: FunctionState, failure: Refusal | null): void {
  if (fn.phase === 'ending' || fn.phase === 'lost') return;
  // A VM that was being removed or never served leaves nothing to come back to.
  fn.forget = fn.phase !== 'running';
  fn.phase = 'ending';
  fn.failure = failure;
  if (failure) noteFailure(draft, fn, failure);
  const why = failure ?? REFUSALS.removing(fn.spec.name);
  for (const instance of fn.instances) {
    if (instance.invocation) {
      answerInvocation(draft, instance, instance.invocation, { failure: why });
    }
  }
  refuseQueue(draft, fn, 'failed', why);
  fn.instances = [];
  for (const region of fn.regions) {
    region.instance_id = null;
    region.operation_id = null;
    region.retry_at_ms = null;
  }
  draft.actions.push({ type: 'shutdown-vm', vm_id: fn.vm_id, failure });
}

/** Keeps for Status what went wrong last. */
export function noteFailure(draft: Draft, fn: FunctionState, failure: Refusal): void {
  fn.last_failure = { failure, vm_id: fn.vm_id, at_ms: draft.now_ms };
}

/** Nothing of the VM is left: permits return, and whoever waited for its end is told. */
export function vmGone(draft: Draft, fn: FunctionState): void {
  if (fn.phase !== 'ending' && fn.phase !== 'lost') return;
  fn.boot_permit_bytes = 0;
  fn.overhead_permit_bytes = 0;
  fn.regions = [];
  const failure = fn.failure ?? REFUSALS.removing(fn.spec.name);
  for (const request_id of fn.deploy_waiters) replyError(draft, request_id, failure);
  const finished_at_ms = draft.now_ms;
  for (const request_id of fn.remove_waiters) {
    draft.actions.push({ type: 'reply', request_id, reply: { kind: 'remove', finished_at_ms } });
  }
  for (const { request_id, instances_stopped } of fn.drains) {
    const reply = { kind: 'drain', finished_at_ms, instances_stopped } as const;
    draft.actions.push({ type: 'reply', request_id, reply });
  }
  const removed = fn.forget || fn.remove_waiters.length > 0;
  fn.deploy_waiters = [];
  fn.remove_waiters = [];
  fn.drains = [];
  fn.phase = 'lost';
  if (removed) draft.functions.delete(fn.spec.name);
}

/** It would not end. Its permits stay: the host may still hold its memory. */
export function vmUndead(draft: Draft, fn: FunctionState, reason: string): void {
  const failure = REFUSALS.vmUndead(fn.spec.name, reason);
  const waiting = [
    ...fn.deploy_waiters,
    ...fn.remove_waiters,
    ...fn.drains.map((drain) => drain.request_id),
  ];
  for (const request_id of waiting) replyError(draft, request_id, failure);
  fn.deploy_waiters = [];
  fn.remove_waiters = [];
  fn.drains = [];
  fn.failure = failure;
  noteFailure(draft, fn, failure);
  draft.actions.push({
    type: 'report',
    level: 'error',
    code: failure.code,
    function: fn.spec.name,
    vm_id: fn.vm_id,
    message: failure.message,
  });
}
