/** What the records of operations and invocations say, as observations of metrics. Pure. */
import type { Invocation, Operation } from '../../model/records.ts';

export interface HopTime {
  readonly hop: string;
  readonly seconds: number;
}

type Stamps = readonly (readonly [string, number | null | undefined])[];

/** The hops that an operation got through; a stamp that is not there is passed over. */
export function hopsOf(operation: Operation): readonly HopTime[] {
  return between([
    ['decided', operation.decided_at_ms],
    ['requested', operation.requested_at_ms],
    ['accepted', operation.accepted_at_ms],
    ['plugged', operation.plugged_at_ms],
    ['resident', operation.resident_at_ms],
  ]);
}

/** From the decision to the last stamp; null: only the decision is known. */
export function operationSeconds(operation: Operation): number | null {
  const { decided_at_ms, requested_at_ms, accepted_at_ms, plugged_at_ms } = operation;
  const last_ms = operation.resident_at_ms ?? plugged_at_ms ?? accepted_at_ms ?? requested_at_ms;
  return secondsBetween(decided_at_ms, last_ms);
}

/** What became of the promise that it is under; null: it is under none. */
export function promiseOf(operation: Operation): 'kept' | 'late' | 'withdrawn' | null {
  const { promised_ms, decided_at_ms, plugged_at_ms, outcome, error_code } = operation;
  if (promised_ms === null) return null;
  if (outcome === 'partial' && error_code === null && plugged_at_ms === null) return 'withdrawn';
  const took_s = secondsBetween(decided_at_ms, plugged_at_ms);
  return outcome === 'done' && took_s !== null && took_s * 1_000 <= promised_ms ? 'kept' : 'late';
}

/** The stages of a start, each counted from the arrival of its invocation. */
export function startTimesOf(invocation: Invocation): readonly HopTime[] {
  if (!invocation.cold) return [];
  const stages: Stamps = [
    ['created', invocation.created_at_ms],
    ['sandbox', invocation.sandbox_at_ms],
    ['plugged', invocation.plugged_at_ms],
    ['attached', invocation.attached_at_ms],
    ['ready', invocation.instance_ready_at_ms],
    ['first_byte', invocation.first_byte_at_ms],
  ];
  return stages.flatMap(([hop, at_ms]) => {
    const seconds = secondsBetween(invocation.received_at_ms, at_ms);
    return seconds === null ? [] : [{ hop, seconds }];
  });
}

/** Null where one of the two is not known; a clock of the guest may be a little early. */
export function secondsBetween(
  from_ms: number | null | undefined,
  to_ms: number | null | undefined,
): number | null {
  if (typeof from_ms !== 'number' || typeof to_ms !== 'number') return null;
  return Math.max(0, to_ms - from_ms) / 1_000;
}

function between(stamps: Stamps): readonly HopTime[] {
  const hops: HopTime[] = [];
  let before_ms: number | null = null;
  for (const [hop, at_ms] of stamps) {
    const seconds = secondsBetween(before_ms, at_ms);
    if (seconds !== null) hops.push({ hop, seconds });
    before_ms = at_ms ?? before_ms;
  }
  return hops;
}
