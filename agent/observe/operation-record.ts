/** Puts the record of one plug or unplug together from its parts. Pure. */
import { cutBytes } from '../../base/cut-bytes.ts';
import type { ResizeResult } from '../../hypervisor-client/vm.ts';
import type { OperationOrder } from '../model/operations.ts';
import type { ResizeOutcome, StartStamps } from '../model/events.ts';
import type { Refusal } from '../model/refusals.ts';
import type { Operation } from '../model/records.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import type { Figures } from './guest-figures.ts';

/** Of what a VMM or a guest gave as the reason. */
const REASON_BYTES = 1_024;

export interface OperationParts {
  readonly order: OperationOrder;
  readonly result: ResizeResult;
  /** Of a guest start that ran beside a plug; null when there was none, or it failed. */
  readonly start: StartStamps | null;
  /** Asked for when the operation was sent; null when the guest did not say. */
  readonly before: Figures | null;
  readonly after: GuestStats | null;
  /** Waits for growth in its region since the operation before; null: not known. */
  readonly waits: { readonly count: number; readonly ms: number } | null;
  /** What the host held of the region after its end, where the result does not tell; else null. */
  readonly seen_resident_bytes: number | null;
  readonly region_pci: string;
  /** It ended between two steps, of which no further one was asked for. */
  readonly ended?: true;
}

/** What the core needs of a result. */
export function outcomeOf(result: ResizeResult): ResizeOutcome {
  const { outcome, plugged_bytes, plugged_at_ms, error_code, reason } = result;
  const { resident_bytes, resident_at_ms } = result;
  const accepted = result.accepted_at_ms !== null;
  const resident = { resident_bytes, resident_at_ms };
  return { outcome, accepted, plugged_bytes, plugged_at_ms, ...resident, error_code, reason };
}

/** The result of a resize that threw: nothing is known but what was known before. */
export function brokenResize(
  order: OperationOrder,
  known_bytes: number,
  at_ms: number,
  { code, message }: Refusal,
): ResizeResult {
  const end = { outcome: 'failed', error_code: code, reason: message } as const;
  return unaskedResize(order, known_bytes, at_ms, end);
}

/** The result of a resize that its VMM was not asked for, or did not answer. */
export function unaskedResize(
  order: OperationOrder,
  known_bytes: number,
  at_ms: number,
  end: Pick<ResizeResult, 'outcome' | 'error_code' | 'reason'>,
): ResizeResult {
  return {
    region_id: order.region_id,
    before_bytes: known_bytes,
    requested_bytes: order.to_bytes,
    plugged_bytes: known_bytes,
    resident_before_bytes: null,
    resident_bytes: null,
    requested_at_ms: at_ms,
    waited_ms: 0,
    accepted_at_ms: null,
    plugged_at_ms: null,
    resident_at_ms: null,
    nudges: 0,
    ...end,
  };
}

/** What two steps, one after the other, came to together. */
export function joined(first: ResizeResult, next: ResizeResult): ResizeResult {
  return {
    ...next,
    before_bytes: first.before_bytes,
    resident_before_bytes: first.resident_before_bytes,
    requested_at_ms: first.requested_at_ms,
    waited_ms: first.waited_ms + next.waited_ms,
    accepted_at_ms: first.accepted_at_ms ?? next.accepted_at_ms,
    nudges: first.nudges + next.nudges,
  };
}

/** The record of a plug that was refused before it was sent. */
export function refusedOperation(order: OperationOrder, failure: Refusal): Operation {
  const broken = brokenResize(order, order.from_bytes, 0, failure);
  const result = { ...broken, outcome: 'refused' } as const;
  const nothing = { start: null, before: null, after: null, waits: null };
  const unseen = { seen_resident_bytes: null, region_pci: '' };
  return { ...operationRecord({ order, result, ...nothing, ...unseen }), requested_at_ms: null };
}

export function operationRecord(parts: OperationParts): Operation {
  const { order, result, start, before, after } = parts;
  const partition = after?.partitions.find((one) => one.region_pci === parts.region_pci);
  const both = after && isInTime(before, result) ? { before: before.stats, after } : null;
  const disagreement = findDisagreement(parts);
  const reason = result.reason ?? disagreement;
  const plugged_at_ms = result.plugged_at_ms;
  return {
    id: order.id,
    kind: order.kind,
    cause: order.cause,
    function: order.function,
    vm_id: order.vm_id,
    region_id: order.region_id,
    instance_id: order.instance_id,
    mechanism: order.mechanism,
    outcome: result.outcome,
    error_code: result.error_code ?? (disagreement ? 'HP_AGENT_OBSERVERS_DISAGREE' : null),
    reason: reason === null ? null : cutBytes(reason, REASON_BYTES),
    before_bytes: result.before_bytes,
    requested_bytes: result.requested_bytes,
    plugged_bytes: result.plugged_bytes,
    resident_before_bytes: result.resident_before_bytes,
    resident_bytes: result.resident_bytes ?? parts.seen_resident_bytes,
    wanted_at_ms: order.wanted_at_ms ?? null,
    heard_at_ms: order.heard_at_ms ?? null,
    decided_at_ms: order.decided_at_ms,
    requested_at_ms: result.requested_at_ms,
    waited_ms: result.waited_ms,
    accepted_at_ms: result.accepted_at_ms,
    plugged_at_ms,
    resident_at_ms: result.resident_at_ms,
    sandbox_at_ms: start?.sandbox_at_ms ?? null,
    attached_at_ms: start?.attached_at_ms ?? null,
    instance_ready_at_ms: later(start?.ready_at_ms ?? null, plugged_at_ms),
    stop_at_ms: order.stop_at_ms,
    gone_at_ms: order.gone_at_ms,
    nudges: result.nudges,
    pages_migrated: both ? difference(both, (stats) => stats.pages_migrated) : null,
    guest_cpu_ms: both ? difference(both, (stats) => stats.cpu_system_ms) : null,
    // Of several steps the guest tells the last alone.
    guest_ns:
      order.begun_bytes !== undefined
        ? null
        : known(order.kind === 'plug' ? partition?.plug_ns : partition?.unplug_ns),
    guest_plugged_bytes: partition?.plugged_bytes ?? null,
    grow_waits: parts.waits?.count ?? null,
    grow_wait_ms: parts.waits?.ms ?? null,
    held_ms: order.held_ms ?? null,
    promised_ms: order.promised_ms ?? null,
    predicted_ms: order.predicted_ms ?? null,
    span: order.span ?? null,
    steps: order.begun_bytes === undefined ? null : (order.steps ?? 0) + (parts.ended ? 0 : 1),
  };
}

/** Ready is an instance whose start is over and whose memory is there; null unless both are. */
function later(one_ms: number | null, other_ms: number | null): number | null {
  return one_ms === null || other_ms === null ? null : Math.max(one_ms, other_ms);
}

/** The guest's 0 of a time means: not known. */
function known(guest_ns: number | undefined): number | null {
  return guest_ns || null;
}

/** A resize does not wait for the guest: what it says after the end is no figure of before. */
function isInTime(before: Figures | null, result: ResizeResult): before is Figures {
  return before !== null && before.taken_at_ms <= (result.plugged_at_ms ?? Infinity);
}

/** A counter that runs backwards is the guest's lie: counted as nothing, never as negative. */
function difference(
  both: { readonly before: GuestStats; readonly after: GuestStats },
  counter: (stats: GuestStats) => number,
): number {
  return Math.max(0, counter(both.after) - counter(both.before));
}

/**
 * After a finished unplug the VMM's plugged size, the guest's count and the host's resident bytes
 * must all be nothing. Exactly: a region is whole pages of its own, there is nothing to round.
 */
function findDisagreement(parts: OperationParts): string | null {
  const { order, result, after, region_pci } = parts;
  if (order.to_bytes !== 0 || result.outcome !== 'done' || !after) return null;
  const guest = after.partitions.find((one) => one.region_pci === region_pci)?.plugged_bytes ?? 0;
  const { plugged_bytes, resident_bytes } = result;
  if (plugged_bytes === 0 && guest === 0 && resident_bytes === 0) return null;
  return (
    `after the unplug of ${order.region_id} the VMM says ${plugged_bytes} bytes plugged, the ` +
    `guest ${guest}, the host ${resident_bytes} resident.`
  );
}
