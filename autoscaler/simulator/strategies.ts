/** Ways to choose the size of an instance, to be compared. Pure. */
import { GIB } from '../../base/units.ts';
import { sizeHolding } from '../policy/sizing/classes.ts';
import { estimateSize } from '../policy/sizing/estimate.ts';
import { historyEstimator, type SizeHistory } from '../policy/sizing/history.ts';
import { type MemorySeries, peakOf } from '../trace/memory-series.ts';
import type { SizePlan } from './instance.ts';

/** What a strategy may know when an invocation starts. */
export interface StrategyView {
  /** The invocation itself, which only an oracle knows. */
  readonly series: MemorySeries;
  /** The most that any invocation of the function ever uses. */
  readonly peak_bytes: number;
  readonly history: SizeHistory;
}

export interface Strategy {
  readonly name: string;
  /** For people. */
  readonly about: string;
  /** Whether it says something only of functions that are invoked many times. */
  readonly needs_history: boolean;
  readonly plan: (view: StrategyView) => SizePlan;
}

/** The ceiling of a function that has no larger peak. */
const CEILING_BYTES = 4 * GIB;

export const STRATEGIES: readonly Strategy[] = [
  {
    name: 'fixed',
    about: '256 MiB, grows by 64 MiB, never shrinks',
    needs_history: false,
    plan: (view) => elastic(view, false, false),
  },
  {
    name: 'fixed-shrink',
    about: 'the same, and shrinks while it runs',
    needs_history: false,
    plan: (view) => elastic(view, false, true),
  },
  {
    name: 'history',
    about: 'from the history of the function, grows, never shrinks',
    needs_history: true,
    plan: (view) => elastic(view, true, false),
  },
  {
    name: 'history-shrink',
    about: 'the same, and shrinks while it runs',
    needs_history: true,
    plan: (view) => elastic(view, true, true),
  },
  {
    name: 'peak',
    about: 'the largest peak of the function, from start to end',
    needs_history: false,
    plan: ({ peak_bytes }) => whole(peak_bytes),
  },
  {
    name: 'oracle',
    about: "the invocation's own peak, from start to end: nobody can know it",
    needs_history: false,
    plan: ({ series }) => whole(peakOf(series)),
  },
];

function elastic(view: StrategyView, from_history: boolean, shrinks: boolean): SizePlan {
  const chain = from_history ? [historyEstimator(view.history)] : [];
  const max_bytes = Math.max(CEILING_BYTES, sizeHolding(view.peak_bytes));
  const { baseline_bytes, increment_bytes } = estimateSize(chain, {}, { max_bytes });
  return { baseline_bytes, increment_bytes, max_bytes, grows: true, shrinks };
}

function whole(peak_bytes: number): SizePlan {
  const bytes = sizeHolding(peak_bytes);
  const fixed = { grows: false, shrinks: false };
  return { baseline_bytes: bytes, increment_bytes: bytes, max_bytes: bytes, ...fixed };
}
