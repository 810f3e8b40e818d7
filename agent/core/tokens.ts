/**
 * Tokens: how much may be given back at once. A heavy unplug takes one for each 128 MiB that its
 * VMM is asked for. How many there are follows from what that does to others: in an epoch in which
 * the worst of the functions beside it was slowed down within the bound, or none was there, it is
 * one more from then on; above it, half as many (additive increase, multiplicative decrease).
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
  const tells = fn.pace.slowed === RUNS_TOLD;
  const { slowed, met } = draft.queue;
  if (tells || !met) {
    const more = tells ? [...slowed, fn.spec.name] : slowed;
    draft.queue = { ...draft.queue, slowed: more, met: true };
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
  const { tokens: before } = queue;
  const next = { ...queue, ends_at_ms: now_ms + epoch_ms, met: false };
  const more = Math.min(tokens_max, before + 1);
  const slowdown = worstOf(draft, queue);
  if (slowdown === null) {
    // From few runs nothing is concluded: they are counted on, until they are enough.
    const tokens = before < tokens_max && wasAlone(draft) ? more : before;
    draft.queue = { ...next, tokens };
    if (tokens !== before) recordTokens(draft, { before, tokens, slowdown });
    return;
  }
  const fewer = Math.max(1, Math.floor(before / 2));
  const tokens = slowdown <= slowdown_max ? more : fewer;
  draft.queue = { ...next, slowdown, tokens, epoch: queue.epoch + 1, slowed: [] };
  if (tokens !== before) recordTokens(draft, { before, tokens, slowdown });
}

/** Whether something heavy was given back until the end of it, and nobody ran or runs beside. */
function wasAlone({ queue, config, running }: Draft): boolean {
  const { heavy, reclaimed_at_ms, ends_at_ms, met } = queue;
  const begun_ms = ends_at_ms - config.queue.epoch_ms;
  const was = heavy > 0 || (reclaimed_at_ms !== null && reclaimed_at_ms > begun_ms);
  return was && !met && running === 0;
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
