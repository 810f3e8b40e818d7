/** The core's replies as API messages. */
import type { DeployReply, InvokeReply } from '../model/actions.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import type { DeployResponse, InvokeResponse } from '../model/messages.ts';

/** Of the reason in a reply; the whole error goes beside it. */
const REASON_BYTES = 512;

export function deployResponse(reply: DeployReply): DeployResponse {
  const { vm_id, requested_at_ms, launched_at_ms, ready_at_ms, facts } = reply;
  return {
    ...facts,
    vm_id,
    requested_at_ms,
    launched_at_ms,
    ready_at_ms,
    vmm_path: facts.vmm_path || null,
    kernel_variant: facts.kernel_variant || null,
    kernel_key: facts.kernel_key || null,
    series_revision: facts.series_revision || null,
    rootfs_key: facts.rootfs_key || null,
  };
}

export function invokeResponse(reply: InvokeReply): InvokeResponse {
  const { result, failure } = reply;
  return {
    invocation_id: reply.invocation_id,
    instance_id: reply.instance_id,
    cold: reply.cold,
    outcome: reply.outcome,
    error_code: failure?.code ?? '',
    reason: cutBytes(failure?.message ?? '', REASON_BYTES),
    received_at_ms: reply.received_at_ms,
    assigned_at_ms: reply.assigned_at_ms,
    instance_ready_at_ms: reply.instance_ready_at_ms,
    first_byte_at_ms: result?.first_byte_at_ms ?? null,
    finished_at_ms: result?.finished_at_ms ?? null,
    guest_wall_ms: result?.guest_wall_ms ?? null,
    guest_cpu_ms: result?.guest_cpu_ms ?? null,
    guest_touch_cpu_ms: result?.guest_touch_cpu_ms ?? null,
    anonymous_bytes: result?.anonymous_bytes ?? null,
    minor_faults: result?.minor_faults ?? null,
    operation_id: reply.operation_id,
    created_at_ms: reply.start?.created_at_ms ?? null,
    sandbox_at_ms: reply.start?.sandbox_at_ms ?? null,
    plugged_at_ms: reply.start?.plugged_at_ms ?? null,
    attached_at_ms: reply.start?.attached_at_ms ?? null,
  };
}
