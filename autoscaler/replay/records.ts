/** What the agent tells as lines of the result files: moments since the run's start. */
import { nothingOf } from '../../agent/model/fields.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import { invocationSchema } from '../results/schema.ts';
import { inRunTime, type RunOrigin, toRunTime } from '../results/run-time.ts';
import type { InvocationLine, MemoryCheckLine } from '../results/schema.ts';
import type { MemoryStepLine, OperationLine } from '../results/schema.ts';
import type { FunctionStatus, Invocation } from './agent-api.ts';
import type { MemoryStep, Operation } from './agent-api.ts';
import type { PlannedArrival } from './plan.ts';

/** Of what went wrong with a call that has no answer. */
const REASON_BYTES = 1_024;

export function operationLine(record: Operation, origin: RunOrigin): OperationLine {
  return inRunTime({ ...record, mechanism: origin.mechanism }, origin);
}

export function memoryStepLine(record: MemoryStep, origin: RunOrigin): MemoryStepLine {
  return inRunTime({ mechanism: origin.mechanism, kind: 'step', ...record }, origin);
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
  const { invocation_id, function: name } = arrival;
  return {
    ...sentLine(sent_at_ms, sent, origin),
    invocation_id,
    function: name,
    planned_at_ms: arrival.at_ms,
    planned_duration_ms: arrival.duration_ms,
  };
}

/** What became of a call, whatever planned it. */
export function sentLine(sent_at_ms: number | null, sent: Sent, origin: RunOrigin) {
  const reply = sent.kind === 'replied' ? sent.reply : null;
  return {
    mechanism: origin.mechanism,
    ...(reply ? inRunTime(reply, origin) : { ...UNANSWERED, ...fate(sent) }),
    waited: waited(reply),
    sent_at_ms: sent_at_ms === null ? null : toRunTime(sent_at_ms, origin),
    replied_at_ms: sent.kind === 'replied' ? toRunTime(sent.replied_at_ms, origin) : null,
  };
}

/** What an agent that did not answer did not tell. */
const UNANSWERED = { ...nothingOf(invocationSchema), cold: false } as const;

/** The agent gives an idle instance in the very moment in which the invocation came. */
function waited(reply: Invocation | null): boolean | null {
  if (!reply) return null;
  if (reply.assigned_at_ms !== null) return reply.assigned_at_ms > reply.received_at_ms;
  return reply.instance_id === null ? null : true;
}

function fate(sent: Sent): Pick<InvocationLine, 'outcome' | 'error_code' | 'reason'> {
  if (sent.kind === 'error' || sent.kind === 'not_sent') {
    const { code, reason } = sent;
    return { outcome: 'failed', error_code: code, reason: cutBytes(reason, REASON_BYTES) };
  }
  return { outcome: 'interrupted', error_code: null, reason: null };
}
