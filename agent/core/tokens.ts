/**
 * Tokens: how many heavy unplugs may be under way at once. It follows from what they do to others:
 * in an epoch in which the worst of the functions beside them was slowed down within the bound, one
 * more may go from then on; above it, half as many (additive increase, multiplicative decrease).
 */
import type { StartStamps } from '../model/events.ts';
import type { QueueState } from '../model/operation-queue.ts';
import { withRun, withStarted } from '../model/pace.ts';
import type { FunctionState, InstanceState } from '../model/state.ts';
import { recordTokens } from './ask.ts';
import { type Draft, readFunction } from './draft.ts';

/** So many invocations beside reclaim tell how much a function was slowed down. */
const RUNS_TOLD = 3;

/** An invocation is over, and took until now. */
export function noteRun(draft: Draft, fn: FunctionState, instance: InstanceState): void {
  const { heavy, reclaimed_at_ms, epoch } = draft.queue;
  const { assigned_at_ms } = instance;
  const beside = heavy > 0 || (reclaimed_at_ms !== null && reclaimed_at_ms >= assigned_at_ms);
  fn.pace = withRun(fn.pace, draft.now_ms - assigned_at_ms, beside ? epoch : null);
  if (!beside) return;
  // Once in an epoch: who tells is known without a look at all functions.
  if (fn.pace.slowed === RUNS_TOLD) {
    draft.queue = { ...draft.queue, slowed: [...draft.queue.slowed, fn.spec.name] };
  }
  closeEpoch(draft);
}

/** The guest's half of a start is over; it began when the instance was decided on. */
export function noteStarted(fn: FunctionState, { created_at_ms, ready_at_ms }: StartStamps): void {
  fn.pace = withStarted(fn.pace, Math.max(0, ready_at_ms - created_at_ms));
}

/** Draws the conclusion of an epoch that is over. */
export function closeEpoch(draft: Draft): void {
  const { queue, now_ms } = draft;
  if (now_ms < queue.ends_at_ms) return;
  const { slowdown_max, tokens_max, epoch_ms } = draft.config.queue;
  const ends_at_ms = now_ms + epoch_ms;
  const slowdown = worstOf(draft, queue);
  if (slowdown === null) {
    draft.queue = { ...queue, ends_at_ms };
    return;
  }
  const { tokens: before } = queue;
  const more = Math.min(tokens_max, before + 1);
  const fewer = Math.max(1, Math.floor(before / 2));
  const tokens = slowdown <= slowdown_max ? more : fewer;
  draft.queue = { ...queue, ends_at_ms, slowdown, tokens, epoch: queue.epoch + 1, slowed: [] };
  if (tokens !== before) recordTokens(draft, { before, tokens, slowdown });
}

/** How many times as long the worst function ran beside reclaim; null: none tells. */
function worstOf(draft: Draft, { slowed: names, epoch }: QueueState): number | null {
  let worst: number | null = null;
  for (const name of names) {
    const pace = readFunction(draft, name)?.pace;
    // One that was deployed anew meanwhile has learned nothing yet.
    if (pace?.epoch !== epoch || pace.slowed < RUNS_TOLD) continue;
    const { exec_ms, slowed_ms } = pace;
    if (slowed_ms !== null && exec_ms) worst = Math.max(worst ?? 0, slowed_ms / exec_ms);
  }
  return worst;
}
