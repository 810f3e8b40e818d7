/**
 * Which part of an idle instance gets memory and which gives as much up, where another share of it
 * is wanted than it has. First one part gains, then the other cedes what it does not use: their sum
 * is never less than the instance is to have, and no page is moved. A step at a time, told from
 * what is plugged and granted alone: an agent that finds a move half made goes on with it. Pure.
 */
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import type { Parts } from './tiers-spec.ts';

export type PartSide = 'near' | 'far';

/** A move of an instance's unused memory from one tier to the other. */
export interface Moved {
  /** When its last step began, or it ended. */
  readonly at_ms: number;
  /** The part that is to gain; null: the move is over. */
  readonly to: PartSide | null;
  /** It takes back, or took, what the other part could not cede. */
  readonly is_back?: true;
}

/** One part, in which nothing is under way. */
export interface PartNow {
  /** Its own of what the instance is to have. */
  readonly kept_bytes: number;
  readonly plugged_bytes: number;
  /** What may be plugged of it: granted, and never less than what is. */
  readonly permit_bytes: number;
  /** The guest's word; null: not told. */
  readonly used_bytes: number | null;
  /** The most that its region can be. */
  readonly max_bytes: number;
  /** Of its tier what nobody has. */
  readonly free_bytes: number;
  /** It did not reach its last size, and rests. */
  readonly is_held: boolean;
}

export interface RetierNow extends Readonly<Record<PartSide, PartNow>> {
  /** Null: none was made yet. */
  readonly moved: Moved | null;
  /** What is to be near by a move that would begin now; null: none begins. */
  readonly wanted_near_bytes: number | null;
  /** It has rested since the last step, see mayMove(). */
  readonly is_rested: boolean;
  readonly now_ms: number;
}

/** What is done next: one part changes its size. */
export interface RetierStep {
  readonly cause: 'gain' | 'cede';
  readonly of: PartSide;
  readonly to_bytes: number;
  /** What each part keeps from now on; their sum stays. */
  readonly parts: Parts;
  readonly moved: Moved;
}

/** The share of its keep-alive for which an instance stays as it is between two moves; chosen. */
const REST = 0.25;

/** How long an instance may live unused, and for how long no size that failed is tried again. */
export interface Rests {
  readonly keep_alive_ms: number;
  readonly hold_ms: number;
}

/**
 * Whether an instance that has been as it is since then may be moved again. After a move that the
 * other part did not follow it rests for all of its keep-alive: what is in use there tends to stay.
 */
export function mayMove(
  { at_ms, is_back }: Pick<Moved, 'at_ms' | 'is_back'>,
  now_ms: number,
  { keep_alive_ms, hold_ms }: Rests,
): boolean {
  const rest_ms = is_back ? keep_alive_ms : keep_alive_ms * REST;
  return now_ms - at_ms >= Math.max(rest_ms, hold_ms);
}

/** Whether a move is half made: a part may have more plugged than it keeps. */
export const isHalfMade = ({ near, far }: Pick<RetierNow, PartSide>): boolean =>
  overOf(near) + overOf(far) > 0;

/** Null: nothing is to be done, or can be. */
export function nextRetier(now: RetierNow): RetierStep | null {
  if (!isHalfMade(now)) return begin(now);
  if (!now.moved) return null;
  if (now.moved.to !== null) return goOn(now, now.moved, now.moved.to);
  // What is in use is not asked for again and again.
  return now.moved.is_back && !now.is_rested ? null : tidy(now, ended(now.now_ms, now.moved));
}

const ended = (now_ms: number, { is_back }: Moved): Moved => ({
  at_ms: now_ms,
  to: null,
  ...(is_back && { is_back }),
});

const otherOf = (side: PartSide): PartSide => (side === 'near' ? 'far' : 'near');

/** What may be plugged of a part beyond what it keeps. */
const overOf = ({ permit_bytes, kept_bytes }: PartNow): number =>
  Math.max(0, permit_bytes - kept_bytes);

/** No part is given up whole: processes are attached to both. */
const leastOf = ({ used_bytes }: PartNow): number =>
  Math.max(MEMORY_BLOCK_BYTES, roundUp(used_bytes ?? 0, MEMORY_BLOCK_BYTES));

const wholeBlocks = (bytes: number): number =>
  Math.max(0, Math.floor(bytes / MEMORY_BLOCK_BYTES) * MEMORY_BLOCK_BYTES);

const partsOf = ({ near, far }: RetierNow): Parts => ({
  near_bytes: near.kept_bytes,
  far_bytes: far.kept_bytes,
});

function begin(now: RetierNow): RetierStep | null {
  const { near, far, wanted_near_bytes, now_ms } = now;
  if (wanted_near_bytes === null || near.is_held || far.is_held) return null;
  const more_bytes = wanted_near_bytes - near.kept_bytes;
  const of: PartSide = more_bytes > 0 ? 'near' : 'far';
  const [to, from] = [now[of], now[otherOf(of)]];
  const bytes = wholeBlocks(
    Math.min(
      Math.abs(more_bytes),
      to.max_bytes - to.kept_bytes,
      to.free_bytes,
      from.kept_bytes - leastOf(from),
    ),
  );
  if (bytes === 0) return null;
  const moved = { at_ms: now_ms, to: of };
  return { cause: 'gain', of, to_bytes: to.kept_bytes + bytes, parts: partsOf(now), moved };
}

/** A move is half made, or one of its steps came to less. */
function goOn(now: RetierNow, moved: Moved, to: PartSide): RetierStep | null {
  const other = otherOf(to);
  const [gains, cedes] = [now[to], now[other]];
  if (overOf(cedes) > 0) {
    return moved.is_back ? tidy(now, ended(now.now_ms, moved)) : back(now, other);
  }
  const is_whole = gains.plugged_bytes >= gains.permit_bytes;
  const room_bytes = Math.min(overOf(gains), cedes.kept_bytes - leastOf(cedes));
  const bytes = is_whole ? wholeBlocks(room_bytes) : 0;
  if (bytes === 0) return giveUp(now, to, ended(now.now_ms, moved));
  const near_bytes = now.near.kept_bytes + (to === 'near' ? bytes : -bytes);
  const far_bytes = now.far.kept_bytes + (to === 'far' ? bytes : -bytes);
  const to_bytes = cedes.kept_bytes - bytes;
  const at = { ...moved, at_ms: now.now_ms };
  return { cause: 'cede', of: other, to_bytes, parts: { near_bytes, far_bytes }, moved: at };
}

/**
 * What it could not cede is its own again, once its VMM is asked for it: until then a guest may
 * give back what it was asked for, however late.
 */
function back(now: RetierNow, of: PartSide): RetierStep {
  const to_bytes = roundUp(now[of].permit_bytes, MEMORY_BLOCK_BYTES);
  const moved = { at_ms: now.now_ms, to: of, is_back: true } as const;
  return { cause: 'gain', of, to_bytes, parts: partsOf(now), moved };
}

/** A move is over that left a part with more than it keeps. */
function tidy(now: RetierNow, moved: Moved): RetierStep | null {
  return giveUp(now, 'near', moved) ?? giveUp(now, 'far', moved);
}

/** A part gives back what it has beyond its own, but for what is used of it by now. */
function giveUp(now: RetierNow, of: PartSide, moved: Moved): RetierStep | null {
  const part = now[of];
  const to_bytes = Math.max(part.kept_bytes, leastOf(part));
  if (part.is_held || to_bytes >= part.permit_bytes) return null;
  return { cause: 'cede', of, to_bytes, parts: partsOf(now), moved };
}
