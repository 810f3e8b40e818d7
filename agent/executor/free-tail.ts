/**
 * What a part of an instance's memory is really asked to cede: no more than its guest says is free
 * at its end. A guest that has less would be asked in vain until a deadline. Pure.
 */
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import type { ResizeResult } from '../../hypervisor-client/vm.ts';
import type { OperationOrder } from '../model/operations.ts';
import { unaskedResize } from '../observe/operation-record.ts';

type Told = Pick<GuestStats['partitions'][number], 'plugged_bytes' | 'free_tail_bytes'>;

/** In whole blocks; as it was ordered where the guest does not tell. */
export function cedesTo(
  { from_bytes, to_bytes }: Pick<OperationOrder, 'from_bytes' | 'to_bytes'>,
  told: Told | undefined,
): number {
  if (told?.free_tail_bytes === undefined) return to_bytes;
  const kept_bytes = Math.max(0, told.plugged_bytes - told.free_tail_bytes);
  return Math.max(to_bytes, Math.min(from_bytes, roundUp(kept_bytes, MEMORY_BLOCK_BYTES)));
}

const REASON = 'the rest of it is in use, and no page is moved for that';

/** The result of one that was asked for less than it was ordered. */
export const cededLess = (
  { to_bytes }: Pick<OperationOrder, 'to_bytes'>,
  result: ResizeResult,
): ResizeResult =>
  result.outcome === 'done'
    ? { ...result, requested_bytes: to_bytes, outcome: 'partial', reason: REASON }
    : result;

/** The result of one whose VMM was not asked, as nothing is free at its end. */
export const cededNothing = (order: OperationOrder, at_ms: number): ResizeResult =>
  unaskedResize(order, order.from_bytes, at_ms, {
    outcome: 'refused',
    error_code: null,
    reason: REASON,
  });
