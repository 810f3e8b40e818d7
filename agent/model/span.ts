/**
 * A span: the memory of one instance from its start to its end, whose size follows its use. What
 * is known of it, why it has its size, and what became of every change. Plain data.
 */
import type { Outcome } from '../../hypervisor-client/vm.ts';
import type { Refusal } from './refusals.ts';

/** One change of a span's size that was tried, or refused. */
export interface SizeChange {
  readonly cause: 'start' | 'grow' | 'shrink';
  readonly decided_at_ms: number;
  readonly ended_at_ms: number;
  readonly from_bytes: number;
  readonly to_bytes: number;
  /** At its end. */
  readonly plugged_bytes: number;
  readonly outcome: Outcome;
  /** Since when its holder had waited for it when it was decided; null: nobody did. */
  readonly wanted_at_ms: number | null;
  /** Why it was not done; null: it was. */
  readonly reason: string | null;
}

/** A holder that found its memory full and waits for more. */
export interface Want {
  /** The guest's word: at least so much more. */
  readonly bytes: number;
  readonly since_ms: number;
  /** When the guest said so, and when that was heard; null: not known. */
  readonly said_at_ms?: number | null;
  readonly heard_at_ms?: number | null;
  /** Nobody waits for longer than this: the guest is told then that no more comes. */
  readonly deny_at_ms: number;
  /** Why it has not been met so far; null: it was not tried. */
  readonly why: Refusal | null;
}

export interface SpanState {
  /** What it started with, and what is metered is above this. */
  readonly baseline_bytes: number;
  /** Why it started with that, and why it has the size it has; for people. */
  readonly because: string;
  readonly started_at_ms: number;
  /** What could be unplugged from its end; null: the guest does not know. */
  readonly free_tail_bytes: number | null;
  readonly want: Want | null;
  /** The last growth its holder was told not to wait for any longer; null: none. */
  readonly denied: Refusal | null;
  /** Times the meter has counted until. */
  readonly metered_at_ms: number;
  /** The latest changes, oldest first. */
  readonly changes: readonly SizeChange[];
}

/** What a function's spans came to since it was deployed. */
export interface ElasticTally {
  readonly growths: number;
  readonly shrinks: number;
  /** Waits for growth: begun, ended in vain, and how long all that ended took. */
  readonly waits: number;
  readonly denied: number;
  readonly waited_ms: number;
  /** Plugged above the baseline, times its duration. */
  readonly above_byte_ms: number;
}

/** What a region has above the baseline of its holder, from the last time it was metered on. */
export function aboveByteMs(
  { baseline_bytes, metered_at_ms }: SpanState,
  plugged_bytes: number,
  now_ms: number,
): number {
  return Math.max(0, plugged_bytes - baseline_bytes) * Math.max(0, now_ms - metered_at_ms);
}

export const NO_TALLY: ElasticTally = {
  growths: 0,
  shrinks: 0,
  waits: 0,
  denied: 0,
  waited_ms: 0,
  above_byte_ms: 0,
};

/** Changes of one span that are kept. */
export const CHANGES_KEPT = 32;
