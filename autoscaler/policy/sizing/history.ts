/**
 * Sizing by history (ReSC): a moving average of the peaks of a function's invocations, from which
 * its sizes are chosen anew after every {@link REVIEW_EVERY} of them and at no other time. Pure,
 * and plain JSON, of bounded size.
 */
import { percentile, Sample } from '../../../base/statistics.ts';
import { formatBytes } from '../../../base/units.ts';
import { classesOf, classWithin, sizeHolding } from './classes.ts';
import {
  DECLARED_BASELINE_BYTES,
  DECLARED_INCREMENT_BYTES,
  type Estimator,
  type SizeEstimate,
  within,
} from './estimate.ts';

/** ReSC's K. */
export const REVIEW_EVERY = 1000;
/** ReSC's alpha: the weight of the newest value. */
const HISTORY_ALPHA = 0.5;
/** What goes beyond the baseline comes in so many steps: the last of them is half in vain. */
const INCREMENTS_BEYOND = 4;
/** Latest errors that are kept. */
const ERRORS_KEPT = 100;
/** Below this a p95 would be the maximum under another name. */
const ERRORS_NEEDED = 20;

export interface SizeHistory {
  readonly invocations: number;
  /** Of the peaks; null before the first. */
  readonly average_bytes: number | null;
  /** Of what invocations needed beyond the baseline in force, those that needed more alone. */
  readonly beyond_bytes: number | null;
  /** Null before the first review. */
  readonly chosen: ChosenSize | null;
  /** Distance of the average from the peak that came next, the latest last. */
  readonly errors_bytes: readonly number[];
}

interface ChosenSize {
  readonly baseline_bytes: number;
  readonly increment_bytes: number;
  /** The average it was chosen from. */
  readonly average_bytes: number;
  /** Invocations seen by then. */
  readonly after_invocations: number;
  readonly error_p95_bytes: number | null;
}

export const NO_HISTORY: SizeHistory = {
  invocations: 0,
  average_bytes: null,
  beyond_bytes: null,
  chosen: null,
  errors_bytes: [],
};

/** History with one more invocation, whose memory was `peak_bytes` at most. */
export function notePeak(history: SizeHistory, peak_bytes: number): SizeHistory {
  const { average_bytes, chosen } = history;
  const invocations = history.invocations + 1;
  const baseline_bytes = chosen?.baseline_bytes ?? DECLARED_BASELINE_BYTES;
  const beyond_bytes =
    peak_bytes > baseline_bytes
      ? moved(history.beyond_bytes, peak_bytes - baseline_bytes)
      : history.beyond_bytes;
  const errors_bytes =
    average_bytes === null
      ? history.errors_bytes
      : [...history.errors_bytes.slice(1 - ERRORS_KEPT), Math.abs(peak_bytes - average_bytes)];
  const average = moved(average_bytes, peak_bytes);
  const seen = { invocations, average_bytes: average, beyond_bytes, chosen, errors_bytes };
  return invocations % REVIEW_EVERY === 0 ? reviewed(seen, average) : seen;
}

/** The estimator of a history; it has no answer before the first review. */
export function historyEstimator({ chosen }: SizeHistory): Estimator {
  return ({ max_bytes }): SizeEstimate | null => {
    if (!chosen) return null;
    const { baseline_bytes, increment_bytes, average_bytes, after_invocations } = chosen;
    const parts = classesOf(baseline_bytes).map(formatBytes).join(' + ');
    return within(max_bytes, {
      baseline_bytes,
      increment_bytes,
      by: 'history',
      because:
        `peaks of ${after_invocations} invocations average ${formatBytes(average_bytes)}: ` +
        `${parts}, grown by ${formatBytes(increment_bytes)}`,
      error_p95_bytes: chosen.error_p95_bytes,
    });
  };
}

function reviewed(history: SizeHistory, average_bytes: number): SizeHistory {
  const { beyond_bytes, errors_bytes, invocations } = history;
  const chosen = {
    baseline_bytes: sizeHolding(average_bytes),
    increment_bytes:
      beyond_bytes === null
        ? DECLARED_INCREMENT_BYTES
        : classWithin(beyond_bytes / INCREMENTS_BEYOND),
    average_bytes,
    after_invocations: invocations,
    error_p95_bytes:
      errors_bytes.length < ERRORS_NEEDED ? null : percentile(Sample.of(errors_bytes), 0.95),
  };
  // What goes beyond the old baseline says nothing of the new one.
  return { ...history, beyond_bytes: null, chosen };
}

function moved(average: number | null, value: number): number {
  return average === null ? value : HISTORY_ALPHA * value + (1 - HISTORY_ALPHA) * average;
}
