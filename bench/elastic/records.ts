/** What a run keeps, beside the agent's own records. Plain data. */
import type { MemoryStep, Operation } from '../../agent/model/records.ts';
import type { Check } from '../check.ts';
import type { OwnAgentFacts } from '../own-agent.ts';
import type { ElasticSummary } from './figures.ts';
import type { ElasticOptions } from './options.ts';

/** One play on one mechanism. Times are of the host's clock. */
export interface PlayLine {
  readonly play: string;
  readonly round: number;
  readonly mechanism: string;
  readonly from_ms: number;
  readonly to_ms: number;
  /** What its works use, by their own plan. */
  readonly planned_gib_s: number;
  /** What its regions held from `from_ms` to `to_ms`, and what was used; null: not told. */
  readonly plugged_gib_s: number | null;
  readonly used_gib_s: number | null;
  /** Invocations that did not end well, and why the first of them did not. */
  readonly failed: number;
  readonly reason: string | null;
  /** Of the guest, since its boot. */
  readonly pages_migrated: number | null;
  readonly oom_kills: number | null;
  /** What VMM, guest and host say of all regions once everything was given back. */
  readonly left_bytes: readonly (number | null)[];
}

/** Bytes of an instance on their way back, asked for at `requested_at_ms`. */
export interface GiveBackLine {
  /** Of a phase that is over, of an invocation that goes on; or of an instance that is gone. */
  readonly what: 'phase' | 'idle';
  readonly bytes: number;
  readonly back_ms: number;
}

/** A call of a neighbour in the same VM: whether memory was given back meanwhile. */
export interface NeighbourCall {
  readonly met: boolean;
  readonly wall_ms: number;
}

/** Everything that was measured. */
export interface ElasticRun {
  readonly plays: readonly PlayLine[];
  readonly operations: readonly Operation[];
  readonly given_back: readonly GiveBackLine[];
  readonly neighbour: readonly NeighbourCall[];
}

/** What `--json` prints. */
export interface ElasticReport extends ElasticRun, OwnAgentFacts {
  readonly series: readonly string[];
  readonly options: ElasticOptions;
  readonly duration_ms: number;
  readonly summary: ElasticSummary;
  readonly checks: readonly Check[];
}

export type { MemoryStep, Operation };
