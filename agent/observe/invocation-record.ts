/** The record of one invocation, from the core's reply to its caller. Pure. */
import { cutBytes } from '../../base/cut-bytes.ts';
import type { InvokeReply } from '../model/actions.ts';
import type { Refusal } from '../model/refusals.ts';
import type { FunctionAnswer } from '../model/work.ts';
import type { Invocation } from '../model/records.ts';

/** Of the reason in a record, which a caller gets in a trailer; the whole error goes beside it. */
const REASON_BYTES = 512;

/** What became of an invocation, and the whole of why it was not done. */
export interface InvocationEnd extends Invocation {
  readonly failure: Refusal | null;
  /** The function's own; null: it gave none. */
  readonly answer: FunctionAnswer | null;
}

export function invocationRecord(name: string, reply: InvokeReply): Invocation {
  const { failure, start, result } = reply;
  return {
    invocation_id: reply.invocation_id,
    function: name,
    instance_id: reply.instance_id,
    outcome: reply.outcome,
    error_code: failure?.code ?? null,
    reason: failure ? cutBytes(failure.message, REASON_BYTES) : null,
    cold: reply.cold,
    operation_id: reply.operation_id,
    received_at_ms: reply.received_at_ms,
    assigned_at_ms: reply.assigned_at_ms,
    created_at_ms: start?.created_at_ms ?? null,
    sandbox_at_ms: start?.sandbox_at_ms ?? null,
    plugged_at_ms: start?.plugged_at_ms ?? null,
    attached_at_ms: start?.attached_at_ms ?? null,
    instance_ready_at_ms: reply.instance_ready_at_ms,
    first_byte_at_ms: result?.first_byte_at_ms ?? null,
    finished_at_ms: result?.finished_at_ms ?? null,
    guest_wall_ms: result?.guest_wall_ms ?? null,
    guest_cpu_ms: result?.guest_cpu_ms ?? null,
    guest_touch_cpu_ms: result?.guest_touch_cpu_ms ?? null,
    anonymous_bytes: result?.anonymous_bytes ?? null,
    minor_faults: result?.minor_faults ?? null,
    expected_bytes: reply.sized?.expected_bytes ?? null,
    expected_because: reply.sized ? cutBytes(reply.sized.because, REASON_BYTES) : null,
    peak_bytes: result?.peak_bytes ?? null,
    decided_at_ms: start?.decided_at_ms ?? null,
    lacked_ms: start?.lacked_ms ?? null,
  };
}
