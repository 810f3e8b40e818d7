/**
 * Which idle instances a call goes to first, where the share of near memory is chosen: those that
 * have at least the share which would be chosen for it now. Pure.
 */
import type { Pace } from './pace.ts';
import { chooseNow } from './tier-share.ts';
import type { ShareTable } from './tiers-spec.ts';
import { type Tier, tierOf } from './tiers.ts';

/** What is known of one call: all of its function's are of the one kind that its table is of. */
export interface CallAsked {
  /** Of one instance. */
  readonly bytes: number;
  readonly pace: Pace;
  readonly now_ms: number;
  /** When it is to be over, by its caller; absent: as the table says. */
  readonly deadline_at_ms?: number;
}

/** The share that a call should find, and how long it may take. */
export interface CallShare {
  readonly share: number;
  readonly slo_ms: number;
}

/**
 * The share with the least near memory of all instances with which the call keeps its SLO, or what
 * is left of its deadline where that is less; null: the table has none.
 */
export function shareForCall(table: ShareTable, asked: CallAsked): CallShare | null {
  const { bytes, pace, now_ms, deadline_at_ms = Number.POSITIVE_INFINITY } = asked;
  const slo_ms = Math.min(table.slo_ms, Math.max(0, deadline_at_ms - now_ms));
  const chosen = chooseNow({ ...table, slo_ms }, bytes, { pace, now_ms });
  return chosen && { share: chosen.share, slo_ms };
}

/** What of an instance says how much of it is near. */
interface Placed {
  readonly parts?: { readonly near_bytes: number; readonly far_bytes: number };
}

/** The share of an instance that is near; one of an earlier definition has all in one region. */
export function nearShare({ parts }: Placed, tier: Tier, far_node: number): number {
  if (!parts) return tier === tierOf(far_node) ? 0 : 1;
  const { near_bytes, far_bytes } = parts;
  return near_bytes / (near_bytes + far_bytes);
}

/** Who of those that are idle is offered a call. */
export interface Picked<One> {
  readonly offered: readonly One[];
  /** How many have the share that the call should find; 0: all are offered. */
  readonly near_enough: number;
}

/** Shares of the same blocks of memories of several sizes. */
const ROUNDING = 1e-9;

/** Those with at least that share; where there is none, all of them: a late answer is one. */
export function pickNear<One>(
  idle: readonly One[],
  least_share: number,
  shareOf: (one: One) => number,
): Picked<One> {
  const enough = idle.filter((one) => shareOf(one) >= least_share - ROUNDING);
  return { offered: enough.length > 0 ? enough : idle, near_enough: enough.length };
}
