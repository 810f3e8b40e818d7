/** Messages of the agent -> lines of the result files: stamps since the run's start. */
import type { InvocationLine, MemoryCheckLine } from '../results/schema.ts';
import type { MemoryStepLine, OperationLine } from '../results/schema.ts';
import type { FunctionStatus, Invocation, MemoryStep, Operation } from './agent-api.ts';
import type { PlannedArrival } from './plan.ts';

/** Where a line belongs: the mechanism, and the host's clock at the run's start. */
export interface RunOrigin {
  readonly mechanism: string;
  readonly start_ms: number;
}

/** Texts of agents and guests are kept up to this; the formats take four times as much. */
const TEXT_CHARS = 1_024;

/** The contract's '' means: none. */
function clip(text: string | null): string | null {
  return text === null || text === '' ? null : text.slice(0, TEXT_CHARS);
}

/** Null: not reached. An agent of an older version tells that as 0. */
function sinceStart(at_ms: number | null, origin: RunOrigin): number | null {
  return at_ms === null || at_ms === 0 ? null : toRunTime(at_ms, origin);
}

/** Times are kept to the microsecond. */
export function toRunTime(at_ms: number, origin: RunOrigin): number {
  return Math.round((at_ms - origin.start_ms) * 1000) / 1000;
}

export function operationLine(message: Operation, origin: RunOrigin): OperationLine {
  return {
    mechanism: origin.mechanism,
    id: message.id,
    kind: message.kind === 'plug' ? 'plug' : 'unplug',
    function: message.function,
    vm_id: message.vm_id,
    region_id: message.region_id,
    instance_id: clip(message.instance_id),
    outcome: outcomeOf(message.outcome),
    error_code: clip(message.error_code),
    reason: clip(message.reason),
    before_bytes: message.before_bytes,
    requested_bytes: message.requested_bytes,
    plugged_bytes: message.plugged_bytes,
    guest_plugged_bytes: message.guest_plugged_bytes,
    resident_before_bytes: message.resident_before_bytes,
    resident_bytes: message.resident_bytes,
    decided_at_ms: sinceStart(message.decided_at_ms, origin),
    requested_at_ms: sinceStart(message.requested_at_ms, origin),
    accepted_at_ms: sinceStart(message.accepted_at_ms, origin),
    plugged_at_ms: sinceStart(message.plugged_at_ms, origin),
    resident_at_ms: sinceStart(message.resident_at_ms, origin),
    sandbox_at_ms: sinceStart(message.sandbox_at_ms, origin),
    instance_ready_at_ms: sinceStart(message.instance_ready_at_ms, origin),
    stop_at_ms: sinceStart(message.stop_at_ms, origin),
    gone_at_ms: sinceStart(message.gone_at_ms, origin),
    nudges: message.nudges,
    pages_migrated: message.pages_migrated,
    guest_cpu_ms: message.guest_cpu_ms,
    guest_ns: message.guest_ns,
  };
}

export function memoryStepLine(message: MemoryStep, origin: RunOrigin): MemoryStepLine {
  return {
    mechanism: origin.mechanism,
    kind: 'step',
    at_ms: toRunTime(message.at_ms, origin),
    function: message.function,
    vm_id: message.vm_id,
    committed_bytes: message.committed_bytes,
    plugged_bytes: message.plugged_bytes,
    used_bytes: message.used_bytes,
    resident_bytes: message.resident_bytes,
    region_resident_bytes: message.region_resident_bytes,
  };
}

export function memoryCheckLine(
  status: FunctionStatus,
  at: 'start' | 'end',
  at_ms: number,
  origin: RunOrigin,
): MemoryCheckLine {
  return {
    mechanism: origin.mechanism,
    kind: 'check',
    at,
    at_ms: toRunTime(at_ms, origin),
    function: status.function.name,
    vm_id: status.vm_id,
    vm_state: status.vm_state,
    instances: instancesOf(status),
    instances_started: status.instances_started,
    regions: status.regions.map((region) => ({
      id: region.id,
      vmm_plugged_bytes: region.plugged_bytes,
      guest_plugged_bytes: region.guest_plugged_bytes,
      host_resident_bytes: region.resident_bytes,
    })),
    vm_resident_bytes: status.vm_resident_bytes,
    permits_bytes: status.permits_bytes,
    pages_migrated: status.pages_migrated,
    oom_kills: status.oom_kills,
  };
}

export function instancesOf(status: FunctionStatus): number {
  return (
    status.instances_starting +
    status.instances_busy +
    status.instances_idle +
    status.instances_stopping
  );
}

/** How an invocation went from the replay's side. */
export type Sent =
  | { readonly kind: 'replied'; readonly reply: Invocation; readonly replied_at_ms: number }
  | { readonly kind: 'error'; readonly code: string; readonly reason: string }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'not_sent'; readonly code: string; readonly reason: string };

export function invocationLine(
  arrival: PlannedArrival,
  sent_at_ms: number | null,
  sent: Sent,
  origin: RunOrigin,
): InvocationLine {
  const reply = sent.kind === 'replied' ? sent.reply : null;
  const stamp = (at_ms: number | null = null): number | null => sinceStart(at_ms, origin);
  return {
    mechanism: origin.mechanism,
    invocation_id: arrival.invocation_id,
    function: arrival.function,
    instance_id: clip(reply?.instance_id ?? null),
    ...fate(sent),
    cold: reply?.cold ?? false,
    waited: waited(reply),
    operation_id: clip(reply?.operation_id ?? null),
    planned_at_ms: arrival.at_ms,
    planned_duration_ms: arrival.duration_ms,
    sent_at_ms: sent_at_ms === null ? null : toRunTime(sent_at_ms, origin),
    received_at_ms: stamp(reply?.received_at_ms),
    assigned_at_ms: stamp(reply?.assigned_at_ms),
    instance_ready_at_ms: stamp(reply?.instance_ready_at_ms),
    first_byte_at_ms: stamp(reply?.first_byte_at_ms),
    finished_at_ms: stamp(reply?.finished_at_ms),
    replied_at_ms: sent.kind === 'replied' ? toRunTime(sent.replied_at_ms, origin) : null,
    guest_wall_ms: reply?.guest_wall_ms ?? null,
    guest_cpu_ms: reply?.guest_cpu_ms ?? null,
    guest_touch_cpu_ms: reply?.guest_touch_cpu_ms ?? null,
    anonymous_bytes: reply?.anonymous_bytes ?? null,
    minor_faults: reply?.minor_faults ?? null,
  };
}

/** The agent gives an idle instance in the very moment in which the invocation came. */
function waited(reply: Invocation | null): boolean | null {
  if (!reply) return null;
  if (reply.assigned_at_ms !== null) return reply.assigned_at_ms > reply.received_at_ms;
  return reply.instance_id === null ? null : true;
}

function fate(sent: Sent): Pick<InvocationLine, 'outcome' | 'error_code' | 'reason'> {
  if (sent.kind === 'interrupted') {
    return { outcome: 'interrupted', error_code: null, reason: null };
  }
  if (sent.kind === 'replied') {
    const { outcome, error_code, reason } = sent.reply;
    const known = outcome === 'done' || outcome === 'refused' ? outcome : 'failed';
    return { outcome: known, error_code: clip(error_code), reason: clip(reason) };
  }
  return { outcome: 'failed', error_code: clip(sent.code), reason: clip(sent.reason) };
}

/** An outcome the contract does not know counts as failed, never as done. */
function outcomeOf(text: string): OperationLine['outcome'] {
  return text === 'done' || text === 'partial' || text === 'refused' ? text : 'failed';
}
