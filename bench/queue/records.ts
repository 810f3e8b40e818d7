/** What a run keeps. Plain data. */
import type { Operation } from '../../agent/model/records.ts';
import type { Check } from '../check.ts';
import type { OwnAgentFacts } from '../own-agent.ts';
import type { QueueSummary } from './figures.ts';
import type { QueueBenchOptions } from './options.ts';
import type { NeighbourName } from './plan.ts';

/** Calls of a neighbour in one turn, by what they met (ms, the program's own clock). */
export interface QueueNeighbourLine {
  readonly name: NeighbourName;
  /** Those that met an unplug, and no memory that was being filled. */
  readonly busy_ms: readonly number[];
  /** Those that met both. */
  readonly mixed_ms: readonly number[];
  /** Those that met a stretch as long as an unplug, at random where nothing was given back. */
  readonly control_ms: readonly number[];
}

/** One arm in one round. */
export interface QueueLine {
  readonly arm: string;
  readonly round: number;
  /** How often memory came and went. */
  readonly cycles: number;
  readonly neighbours: readonly QueueNeighbourLine[];
  /** Of all cycles: what came back, and for how long something was due that had not. */
  readonly back_bytes: number;
  readonly back_ms: number;
  /** Cycles in which not all came back. */
  readonly kept: number;
  /** Longest wait of an operation for its turn, by who waits for it; null: there was none. */
  readonly start_held_ms: number | null;
  readonly reclaim_held_ms: number | null;
  readonly unplugs: number;
  readonly steps: number;
  /** By the agent at the end: worst slowdown of its last epoch, and how many may go at once. */
  readonly slowdown: number | null;
  readonly tokens: number;
  /** Calls that did not end well, and why the first of them did not. */
  readonly failed: number;
  readonly reason: string | null;
}

export interface QueueRun {
  readonly lines: readonly QueueLine[];
  /** What a call of TRIAL_BYTES took (ms). */
  readonly trial_ms: number;
}

/** What `--json` prints. */
export interface QueueReport extends QueueRun, OwnAgentFacts {
  readonly options: QueueBenchOptions;
  readonly duration_ms: number;
  readonly summary: QueueSummary;
  readonly checks: readonly Check[];
}

export type { Operation };
