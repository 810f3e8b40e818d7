/** What a simulation has played, of which every figure is made. */
import type { RungState } from '../../agent/model/pool.ts';
import type { MemoryAccount } from '../results/memory-account.ts';
import type { SimulatedRung } from '../results/simulation.ts';

/** Outcomes of an invocation, as numbers of a column. */
export const OUTCOME = { open: 0, warm: 1, cold: 2, refused: 3 } as const;

/** Who looked for what stood ready, on each rung, and what that cost. */
export type ReadyTally = Readonly<
  Record<SimulatedRung, Pick<RungState, 'asked' | 'hits' | 'byte_ms'>>
>;

/** What stood ready and was looked for in one part of the window, of all functions. */
export interface ReadyPart {
  readonly asked: number;
  readonly hits: number;
  readonly byte_ms: number;
  /** That policies and targets wanted there at the end of the part; null: nobody said. */
  readonly want_bytes: number | null;
}
/** In equal parts of the window, rung by rung. */
export type ReadyParts = Readonly<Record<SimulatedRung, readonly ReadyPart[]>>;

export interface Played {
  /** Of {@link OUTCOME}, for each invocation. */
  readonly outcomes: Uint8Array;
  /** From its arrival until an instance took it, ms; NaN: none did. */
  readonly waits_ms: Float64Array;
  /** How much longer each ran for what was given back beside it; null: the model has none. */
  readonly slowed_ms: Float64Array | null;
  readonly starts: number;
  /** Idle instances that were stopped: too old, or evicted. */
  readonly stops: number;
  readonly evictions: number;
  /** What a simulator has to handle: arrivals, ends, ready starts, and one end of each idleness. */
  readonly events: number;
  readonly committed: Pick<MemoryAccount, 'finish' | 'peak_bytes'>;
  readonly busy_byte_ms: number;
  /** Most instances of each function at a time; null: not counted. */
  readonly peak_instances: Int32Array | null;
  /** Of all functions within the window; null: not counted. */
  readonly ready: ReadyTally | null;
  /** The same over time; absent: not counted. */
  readonly ready_parts?: ReadyParts | null;
}
