/** Invocations whose instance ended before its program got them: another one may serve them. */
import type { FunctionState, InstanceState } from '../model/state.ts';
import type { Draft } from './draft.ts';

/** A function whose instances end as soon as they are idle does not take a call round for ever. */
const RETURNS_MAX = 3;

/**
 * Back to its place in the queue, before the instance that it was given to is doomed; `ran`: the
 * last that this one's program got. Of one that it may have got nothing is changed: that fails.
 */
export function returnUnheard(
  draft: Draft,
  fn: FunctionState,
  instance: InstanceState,
  ran: string | null,
): void {
  const { invocation } = instance;
  if (!invocation || invocation.request_id === ran || fn.phase !== 'serving') return;
  const { returns = 0, left } = invocation;
  if (left || returns >= RETURNS_MAX) return;
  instance.invocation = null;
  draft.running -= 1;
  fn.queue = fn.queue.insert({ ...invocation, returns: returns + 1 });
  fn.calls_returned = (fn.calls_returned ?? 0) + 1;
}
