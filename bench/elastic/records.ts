/** What a run keeps, beside the agent's own records. Plain data. */
import type { MemoryStep, Operation } from '../../agent/model/records.ts';
import type { Check } from '../check.ts';
import type { Lag } from '../loop-lag.ts';
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

/**
 * Growths that the agent asked for beside nothing but models of VMs and guests: from the guest's
 * word until the request, and how long of it its thread waited for a CPU; null: not told.
 */
export type AloneGrowths = readonly {
  readonly own_ms: number;
  readonly starved_ms: number | null;
}[];

/** A call of a neighbour in the same VM: whether memory was given back meanwhile. */
export interface NeighbourCall {
  readonly met: boolean;
  readonly wall_ms: number;
}

/** What the VMs left to others while they played. */
export interface BesideVms {
  /** How late timers of the bench fired, which has next to nothing to do. */
  readonly idle_lag_ms: Lag;
  /** Of the agent's thread, all in all; null: the kernel does not tell. */
  readonly agent_ran_ms: number | null;
  readonly agent_starved_ms: number | null;
}

/** Everything that was measured. */
export interface ElasticRun {
  readonly plays: readonly PlayLine[];
  readonly operations: readonly Operation[];
  readonly given_back: readonly GiveBackLine[];
  readonly neighbour: readonly NeighbourCall[];
  readonly alone: AloneGrowths;
  readonly beside: BesideVms;
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
