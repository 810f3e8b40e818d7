/** What the calls of a DAG came to, all together. Pure. */
import { NOTHING_SPENT, type Spent, sumSpent } from './spent.ts';

export interface DagTally {
  readonly met: number;
  readonly missed: number;
  readonly failed: number;
  /** Of those that are done: along the ways that took longest, and from call to end. */
  readonly spent: Spent;
  readonly took_ms: number;
}

export const NO_CALLS: DagTally = {
  met: 0,
  missed: 0,
  failed: 0,
  spent: NOTHING_SPENT,
  took_ms: 0,
};

export interface CallEnd {
  readonly outcome: 'done' | 'failed';
  readonly in_time: boolean;
  readonly received_at_ms: number;
  readonly finished_at_ms: number;
  readonly spent: Spent;
}

export function withCallEnd(tally: DagTally, end: CallEnd): DagTally {
  if (end.outcome === 'failed') return { ...tally, failed: tally.failed + 1 };
  return {
    ...tally,
    met: tally.met + (end.in_time ? 1 : 0),
    missed: tally.missed + (end.in_time ? 0 : 1),
    spent: sumSpent(tally.spent, end.spent),
    took_ms: tally.took_ms + Math.max(0, end.finished_at_ms - end.received_at_ms),
  };
}
