/**
 * The promise about memory that a function gives up (`reclaim_slo`): how long an operation may take
 * is said when it is decided, beside what it is predicted to take; afterwards it was kept, or it is
 * explained where the time went.
 */
import { GIB } from '../../base/units.ts';
import type { ResizeOutcome } from '../model/events.ts';
import { classOf, finalBytes } from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import { unplugMs } from '../model/pace.ts';
import { NO_RECLAIMS, type ReclaimTally } from '../model/reclaim.ts';
import type { FunctionState } from '../model/state.ts';
import { recordQueue } from './ask.ts';
import type { Draft } from './draft.ts';

/** The same operation with what is promised and predicted of it, where anything is. */
export function withPromise(
  draft: Draft,
  fn: FunctionState,
  operation: OperationState,
): OperationState {
  const { reclaim_slo } = fn.spec;
  // What one part cedes another has gained: nothing of it is given up.
  if (reclaim_slo === null || operation.cause === 'cede') return operation;
  if (classOf(operation) !== 'reclaim') return operation;
  const bytes = operation.from_bytes - finalBytes(operation);
  const promised_ms = (reclaim_slo.ms_per_gib * bytes) / GIB;
  const predicted_ms = unplugMs(fn.pace, bytes, reclaim_slo.percentile);
  const promised = { ...operation, promised_ms, predicted_ms };
  recordQueue(draft, fn, promised, { answer: 'promise', because: foretold(promised) });
  return promised;
}

type Promised = Pick<OperationState, 'promised_ms' | 'predicted_ms'>;

function foretold({ promised_ms = 0, predicted_ms = null }: Promised): string {
  const promised = `${promised_ms.toFixed(1)} ms promised`;
  if (predicted_ms === null) return `${promised}, nothing is known of it yet`;
  const predicted = `${promised}, ${predicted_ms.toFixed(1)} ms predicted`;
  return predicted_ms > promised_ms ? `${predicted}: it will be late` : predicted;
}

/** Whether an operation that is over now came in time, and why it did not. */
export function notePromise(
  draft: Draft,
  fn: FunctionState,
  operation: OperationState,
  { outcome, plugged_bytes, reason }: ResizeOutcome,
): void {
  const { promised_ms, predicted_ms = null } = operation;
  if (promised_ms === undefined) return;
  const before = fn.reclaim ?? NO_RECLAIMS;
  const took_ms = draft.now_ms - operation.decided_at_ms;
  const left_bytes = plugged_bytes - finalBytes(operation);
  const is_whole = outcome === 'done' && left_bytes <= 0;
  if (is_whole && took_ms <= promised_ms) {
    fn.reclaim = { ...before, kept: before.kept + 1 };
    return;
  }
  const because = is_whole
    ? whereItWent(operation, took_ms)
    : `it ended '${outcome}', ${left_bytes} bytes are left: ${reason ?? 'no reason is told'}`;
  const last_late = {
    operation_id: operation.id,
    at_ms: draft.now_ms,
    promised_ms,
    predicted_ms,
    took_ms,
    because,
  };
  const foreseen = before.foreseen + Number(predicted_ms !== null && predicted_ms > promised_ms);
  fn.reclaim = { ...before, late: before.late + 1, foreseen, last_late };
  recordQueue(draft, fn, operation, { answer: 'late', because });
}

/** A start has taken the region over: nobody waits for what it was to give back. */
export function withdrawPromise(fn: FunctionState, { promised_ms }: Promised): void {
  if (promised_ms === undefined) return;
  const before: ReclaimTally = fn.reclaim ?? NO_RECLAIMS;
  fn.reclaim = { ...before, withdrawn: before.withdrawn + 1 };
}

function whereItWent(
  { held_ms = 0, predicted_ms = null }: OperationState,
  took_ms: number,
): string {
  const moved_ms = took_ms - held_ms;
  const predicted = predicted_ms === null ? '' : ` (${predicted_ms.toFixed(1)} ms predicted)`;
  return (
    `it waited ${held_ms.toFixed(1)} ms for its turn, and VMM and guest took ` +
    `${moved_ms.toFixed(1)} ms${predicted}`
  );
}
