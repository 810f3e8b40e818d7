/** Runs beside each other, measured or simulated, and which of them none is better than. Pure. */
import { seededRandom } from '../../base/random.ts';
import { type ConfidenceInterval, ratioOfSums } from '../results/intervals.ts';
import type { RunFigures } from '../results/simulation.ts';
import { type Prediction, predictionsOf } from './prediction.ts';

export interface ComparedRun {
  readonly folder: string;
  readonly figures: RunFigures;
  /**
   * Committed memory against that of the first run, part by part; null: other windows or work, or
   * one of them was disturbed.
   */
  readonly memory_against_first: ConfidenceInterval | null;
  /** No other run that may be compared has both fewer cold starts and less memory. */
  readonly is_on_front: boolean;
}

export interface Comparison {
  readonly seed: number;
  readonly runs: readonly ComparedRun[];
  /** Where a measured run has a simulated one beside it. */
  readonly predictions: readonly Prediction[];
}

/** Parts of windows of different length are no pairs. */
const SAME_WINDOW = 0.02;

export function compareRuns(
  found: readonly { readonly folder: string; readonly figures: RunFigures }[],
  seed: number,
): Comparison {
  const [first] = found;
  const runs = found.map(({ folder, figures }): ComparedRun => {
    const base = first?.figures;
    const is_alike =
      base !== undefined &&
      figures.not_compared.length + base.not_compared.length === 0 &&
      Math.abs(figures.window_ms / base.window_ms - 1) <= SAME_WINDOW &&
      figures.invocations === base.invocations;
    const memory_against_first =
      is_alike && base
        ? ratioOfSums(figures.committed_gib_s_parts, base.committed_gib_s_parts, seededRandom(seed))
        : null;
    const is_on_front =
      figures.not_compared.length === 0 &&
      found.every(({ figures: other }) => !isBetter(other, figures));
    return { folder, figures, memory_against_first, is_on_front };
  });
  return { seed, runs, predictions: predictionsOf(found) };
}

/** In neither of both worse, and in one better. */
function isBetter(a: RunFigures, b: RunFigures): boolean {
  if (a.not_compared.length > 0) return false;
  const [cold, memory] = [
    a.cold_share.value - b.cold_share.value,
    a.committed_gib_s - b.committed_gib_s,
  ];
  return cold <= 0 && memory <= 0 && (cold < 0 || memory < 0);
}
