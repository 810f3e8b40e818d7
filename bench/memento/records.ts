/** What a run keeps. Plain data. */
import type { GuestPages } from '../../agent/model/pool-messages.ts';
import type { Check } from '../check.ts';
import type { OwnAgentFacts } from '../own-agent.ts';
import type { MementoSummary } from './figures.ts';
import type { MementoOptions } from './options.ts';
import type { StartKind } from './subjects.ts';

/** One call. */
export interface TrialLine {
  readonly round: number;
  readonly function: string;
  readonly arm: string;
  readonly start: StartKind;
  /** From the request that came to the first byte of its answer; null: it failed. */
  readonly first_byte_ms: number | null;
  /** The part of it from when an instance took the call. */
  readonly call_ms: number | null;
  /** Page faults of the program during the call; null: it does not tell. */
  readonly minor_faults: number | null;
  /** What of its region was ready when it came, and when nobody waited: the agent's word. */
  readonly was_populated: boolean;
  readonly reason: string | null;
}

/** What the guests of an agent have cleared until the end. */
export interface AgentPages {
  /** The options that it was started with. */
  readonly agent: string;
  readonly function: string;
  /** Null: its kernel does not count. */
  readonly pages: GuestPages | null;
}

export interface MementoRun {
  readonly lines: readonly TrialLine[];
  readonly pages: readonly AgentPages[];
}

/** What `--json` prints. */
export interface MementoReport extends MementoRun, OwnAgentFacts {
  readonly options: MementoOptions;
  readonly duration_ms: number;
  readonly summary: MementoSummary;
  readonly checks: readonly Check[];
}
