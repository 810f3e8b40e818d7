/** What a run keeps, beside the agent's own records. Plain data. */
import type { Operation } from '../../agent/model/records.ts';
import type { Check } from '../check.ts';
import type { OwnAgentFacts } from '../own-agent.ts';
import type { SpansOptions } from './options.ts';
import type { SpansSummary } from './figures.ts';

/**
 * What the VMM's process holds of the host's memory, without what an emulator has translated of the
 * guest's code, which grows with every new line that is run.
 */
export interface HeldBytes {
  /** The instance is there, and idle. */
  readonly before: number;
  /** The most that was seen; a look now and then. */
  readonly most: number;
  /** Its invocation is over, and what it gave back is on record. */
  readonly end: number;
}

/** What one took by the program's own clock. */
export interface TookMs {
  /** From the asking until it was mapped. */
  readonly open_ms: number;
  readonly touch_ms: number;
  /** From the last unmapping until the init took the word. */
  readonly close_ms: number;
}

/** The one invocation of a mechanism. */
export interface SpansLine {
  readonly mechanism: string;
  /** How often the memory came and went. */
  readonly times: number;
  readonly call_ms: number;
  /** Why it did not end well; null: it did. */
  readonly reason: string | null;
  readonly held: HeldBytes;
  /** Of the first of them, in their order; none with static. */
  readonly took: readonly TookMs[];
  /** Of the guest, since its boot. */
  readonly pages_migrated: number | null;
  readonly oom_kills: number | null;
}

export interface SpansRun {
  readonly lines: readonly SpansLine[];
  /** Causes `open` and `close`, in the order of their ends. */
  readonly operations: readonly Operation[];
}

/** What `--json` prints, and spans.json holds. */
export interface SpansReport extends SpansRun, OwnAgentFacts {
  readonly options: SpansOptions;
  readonly duration_ms: number;
  readonly summary: SpansSummary;
  readonly checks: readonly Check[];
}
