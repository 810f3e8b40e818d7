/** What a run of `bench core` has measured. Plain data, printed as it is with `--json`. */
import type { Check } from '../check.ts';
import type { Ratio, Spread } from '../statistics.ts';
import type { Case, CoreBenchOptions } from './plan.ts';

/** One figure of one round. */
export interface CoreRun {
  readonly of: Case;
  readonly core: number;
  readonly round: number;
  readonly us_per_step: number;
  readonly steps: number;
}

export interface CoreBench {
  readonly format: 'hotplane-bench-core/1';
  readonly hotplane_version: string;
  readonly node_version: string;
  readonly started_at: string;
  readonly host: { readonly cpu: string; readonly cpus: number };
  readonly options: CoreBenchOptions;
  /** This one first. */
  readonly cores: readonly string[];
  /** Fewer than asked for when the time was over. */
  readonly rounds: number;
  readonly runs: readonly CoreRun[];
}

/** One case over all rounds. */
export interface CoreRow {
  readonly of: Case;
  /** Microseconds of CPU for a step, by core. */
  readonly us_per_step: readonly Spread[];
  /** The other core's median over this one's: above 1, this one is faster. Null without another. */
  readonly gain: Ratio | null;
}

export interface CoreReport {
  readonly rows: readonly CoreRow[];
  readonly checks: readonly Check[];
}
