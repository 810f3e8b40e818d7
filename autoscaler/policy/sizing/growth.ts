/**
 * Growth and shrink while an invocation runs: what is remembered of a span's use, and which size it
 * is to have now. What the guest says is a hint: it moves a size within its bounds and nothing
 * else. Pure.
 */
import { assert } from '../../../base/assert.ts';
import { GIB } from '../../../base/units.ts';

/** What it takes to change a size, as measured on this host. */
export interface GrowthCosts {
  /** From the guest's word until the agent has it. */
  readonly event_ms: number;
  /** From there until the VMM is asked. */
  readonly permit_ms: number;
  /** From there until the memory can be used, 99 times of 100. */
  readonly plug_p99_ms: number;
  /** Touching again what was given back, for each GiB of it. */
  readonly refault_ms_per_gib: number;
}

export interface GrowthBounds {
  /** It never shrinks below this. */
  readonly least_bytes: number;
  readonly increment_bytes: number;
  readonly max_bytes: number;
}

/** What is remembered of a span. */
export interface SpanUse {
  /** Plugged, or on its way. */
  readonly target_bytes: number;
  readonly used_bytes: number;
  readonly seen_at_ms: number;
  /** The fastest growth seen, held. */
  readonly bytes_per_ms: number;
  /**
   * Since when the free tail is longer than is needed, and its least since then; null: it is not.
   */
  readonly tail: { readonly since_ms: number; readonly least_bytes: number } | null;
  /** Until when the time so far makes up for what giving back may cost. */
  readonly paid_until_ms: number;
  /** The latest growth: when, and by how many increments; null: none. */
  readonly grown: { readonly at_ms: number; readonly steps: number } | null;
}

/** What the guest tells. */
export interface UseNews {
  readonly used_bytes: number;
  /** What somebody waits for beyond what is there; 0: nobody does. */
  readonly want_bytes: number;
}

export interface NextSize {
  readonly cause: 'grow' | 'shrink' | null;
  readonly target_bytes: number;
  /** When to ask again if nothing is heard before; null: time alone changes nothing. */
  readonly look_again_at_ms: number | null;
}

/** Nothing is given back that was free for a shorter time. */
export const HOLD_MS_MIN = 250;
/** A shrink is worth this many times what it costs to be wrong: at most a tenth of time is lost. */
const HOLD_FACTOR = 10;
/** Quiet time that makes up for later shrinks: a span that was quiet for an hour has no more. */
const CREDIT_MS = 30_000;
/** Who fills a growth within this time and waits again is given twice as much. */
const FOLLOW_MS = 250;
/** And no more than so many increments at once. */
const STEPS_MAX = 4;
/** A guest cannot make itself look faster: AgentCgroup's fastest grows by 3 GB/s. */
const BYTES_PER_MS_MAX = (4 * GIB) / 1000;

/** A span that was plugged to `target_bytes` and is not used yet. */
export function newSpan(target_bytes: number, now_ms: number): SpanUse {
  const unused = { used_bytes: 0, seen_at_ms: now_ms, bytes_per_ms: 0, tail: null, grown: null };
  return { target_bytes, ...unused, paid_until_ms: now_ms };
}

/** How long growth takes from the guest's word to memory that can be used. */
export function reactionMs({ event_ms, permit_ms, plug_p99_ms }: GrowthCosts): number {
  return event_ms + permit_ms + plug_p99_ms;
}

/**
 * What is kept free, so that growth at the fastest rate seen does not run out while it is plugged.
 */
export function reserveBytes({ bytes_per_ms }: SpanUse, costs: GrowthCosts): number {
  return Math.ceil(bytes_per_ms * reactionMs(costs));
}

/** How much time must have passed for each tail of `bytes` that is given back. */
export function payMs(bytes: number, costs: GrowthCosts): number {
  return HOLD_FACTOR * regrowMs(bytes, costs);
}

/** What it costs when `bytes` are wanted again just after they were given back. */
export function regrowMs(bytes: number, costs: GrowthCosts): number {
  return costs.plug_p99_ms + (bytes / GIB) * costs.refault_ms_per_gib;
}

/** The span after the guest's news. Time that stands still or goes back changes no rate. */
export function noteUse(
  use: SpanUse,
  news: UseNews,
  about: { readonly bounds: GrowthBounds; readonly costs: GrowthCosts; readonly now_ms: number },
): SpanUse {
  const { bounds, costs, now_ms } = about;
  const used_bytes = Math.min(Math.max(0, news.used_bytes), bounds.max_bytes);
  // A jump faster than growth can follow counts as one that lasts as long as growth takes.
  const elapsed_ms = Math.max(now_ms - use.seen_at_ms, reactionMs(costs));
  const rate = elapsed_ms > 0 ? (used_bytes - use.used_bytes) / elapsed_ms : 0;
  const bytes_per_ms = Math.min(BYTES_PER_MS_MAX, Math.max(use.bytes_per_ms, rate));
  const seen = { ...use, used_bytes, seen_at_ms: now_ms, bytes_per_ms };
  return { ...seen, tail: tailOf(seen, { bounds, costs, now_ms }) };
}

/** The span after its size was changed: a tail is looked at anew. */
export function noteSize(
  use: SpanUse,
  target_bytes: number,
  about: { readonly bounds: GrowthBounds; readonly costs: GrowthCosts; readonly now_ms: number },
): SpanUse {
  const { bounds, costs, now_ms } = about;
  const more_bytes = target_bytes - use.target_bytes;
  const sized: SpanUse = { ...use, target_bytes, tail: null };
  const now =
    more_bytes >= 0
      ? { ...sized, grown: grownBy(use, more_bytes, bounds, now_ms) }
      : { ...sized, paid_until_ms: paidFor(use, -more_bytes, costs, now_ms) };
  return { ...now, tail: tailOf(now, about) };
}

function grownBy(
  { grown }: SpanUse,
  bytes: number,
  { increment_bytes }: GrowthBounds,
  now_ms: number,
): SpanUse['grown'] {
  return bytes === 0 ? grown : { at_ms: now_ms, steps: Math.ceil(bytes / increment_bytes) };
}

function paidFor(
  { paid_until_ms }: SpanUse,
  bytes: number,
  costs: GrowthCosts,
  now_ms: number,
): number {
  const pay_ms = payMs(bytes, costs);
  return Math.max(paid_until_ms, now_ms - Math.max(CREDIT_MS, pay_ms)) + pay_ms;
}

function tailOf(
  use: SpanUse,
  about: { readonly bounds: GrowthBounds; readonly costs: GrowthCosts; readonly now_ms: number },
): SpanUse['tail'] {
  const { bounds, costs, now_ms } = about;
  const free_bytes = use.target_bytes - use.used_bytes;
  if (free_bytes <= reserveBytes(use, costs) + bounds.increment_bytes) return null;
  const { since_ms, least_bytes } = use.tail ?? { since_ms: now_ms, least_bytes: free_bytes };
  return { since_ms, least_bytes: Math.min(least_bytes, free_bytes) };
}

/**
 * The size a span is to have now. It grows, in whole increments, while less than the reserve is
 * free or somebody waits, by more of them where waits follow each other; it shrinks by what was
 * free all through the hold, in whole increments, as soon as the time so far makes up for it.
 */
export function nextSize(
  use: SpanUse,
  { want_bytes }: Pick<UseNews, 'want_bytes'>,
  about: { readonly bounds: GrowthBounds; readonly costs: GrowthCosts; readonly now_ms: number },
): NextSize {
  const { bounds, costs, now_ms } = about;
  assert(bounds.increment_bytes > 0, 'a span grows by something');
  const needed_bytes = use.used_bytes + Math.max(0, want_bytes) + reserveBytes(use, costs);
  if (needed_bytes > use.target_bytes && use.target_bytes < bounds.max_bytes) {
    const needed = Math.ceil((needed_bytes - use.target_bytes) / bounds.increment_bytes);
    // Where growth is asked for ahead, its reserve follows the fastest rate instead.
    const is_waited_for = want_bytes > 0 && reactionMs(costs) === 0;
    const steps = Math.max(needed, is_waited_for ? stepsOf(use, now_ms) : 1);
    const grown_bytes = use.target_bytes + steps * bounds.increment_bytes;
    const target_bytes = Math.min(bounds.max_bytes, grown_bytes);
    return { cause: 'grow', target_bytes, look_again_at_ms: null };
  }
  return shrinkOf(use, bounds, costs, now_ms);
}

/** Increments for somebody who waits. */
function stepsOf({ grown }: SpanUse, now_ms: number): number {
  if (!grown || now_ms - grown.at_ms > FOLLOW_MS) return 1;
  return Math.min(STEPS_MAX, 2 * grown.steps);
}

function shrinkOf(
  use: SpanUse,
  bounds: GrowthBounds,
  costs: GrowthCosts,
  now_ms: number,
): NextSize {
  const stays = { cause: null, target_bytes: use.target_bytes, look_again_at_ms: null };
  if (!use.tail) return stays;
  const spare_bytes = Math.min(
    use.tail.least_bytes - reserveBytes(use, costs),
    use.target_bytes - bounds.least_bytes,
  );
  const bytes = Math.floor(spare_bytes / bounds.increment_bytes) * bounds.increment_bytes;
  if (bytes <= 0) return stays;
  const due_ms = Math.max(use.tail.since_ms + HOLD_MS_MIN, use.paid_until_ms + payMs(bytes, costs));
  if (due_ms > now_ms) return { ...stays, look_again_at_ms: due_ms };
  const target_bytes = use.target_bytes - bytes;
  return { cause: 'shrink', target_bytes, look_again_at_ms: null };
}
