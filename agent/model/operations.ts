/** Operations: changes of a region's size, with identity and cause. Plain data. */

/** Why a region's size changes. What its result means follows from this alone. */
export const CAUSES = [
  /** An instance starts in it. */
  'start',
  /** Its holder needs more. */
  'grow',
  /** Its holder needs less. */
  'shrink',
  /** Its holder is gone. */
  'stop',
  /** `static`: plugged once, before its VM serves. */
  'fill',
  /** An unplug left bytes behind and is tried again. */
  'retry',
  /** It is made ready ahead of a start, or taken back from there. */
  'pool',
  /** The host needs its memory. */
  'pressure',
  /** An instance opens a span in it, or has closed it. */
  'open',
  'close',
  /** A part of its holder's memory gets what another part of it is to give back, and that does. */
  'gain',
  'cede',
] as const;
export type Cause = (typeof CAUSES)[number];

/** A resize in flight. */
export interface OperationState {
  readonly id: string;
  readonly vm_id: string;
  readonly region_id: string;
  readonly region_index: number;
  readonly cause: Cause;
  /** The instance behind it: the holder, or the one that has just gone; null: none. */
  readonly instance_id: string | null;
  /** Plugged by the book when it was decided. */
  readonly from_bytes: number;
  readonly to_bytes: number;
  readonly decided_at_ms: number;
  /** When the stop of the instance was sent and its process tree gone; null: not after an end. */
  readonly stop_at_ms: number | null;
  readonly gone_at_ms: number | null;
  /** The wait that it answers: when the guest said so, and when it was heard; null: none. */
  readonly wanted_at_ms?: number | null;
  readonly heard_at_ms?: number | null;
  /** Where its last step goes, where it has more than one: `to_bytes` is of the step it is at. */
  readonly final_bytes?: number;
  /** The same of where the first step began. */
  readonly begun_bytes?: number;
  /** Steps of it that are done; absent: none. */
  readonly steps?: number;
  /** Since when it waits for its turn; absent or null: its VMM was asked. */
  readonly waits_since_ms?: number | null;
  /** How long it waited before, in sum; absent: not. */
  readonly held_ms?: number;
  /** When its VMM was asked for this step; absent: when it was decided. */
  readonly sent_at_ms?: number;
  /** What its function promised of it, and what was predicted, when it was decided. */
  readonly promised_ms?: number;
  readonly predicted_ms?: number | null;
  /** Name of the span that it opens, or closed; absent: it is about none. */
  readonly span?: string;
  /** Its region is wanted: it ends with the step that is under way. */
  readonly is_cut?: true;
}

/** The direction in which an operation moves its region, whatever is plugged already. */
export type OperationKind = 'plug' | 'unplug';

/** One resize to make, with what its record will need. */
export interface OperationOrder extends OperationState {
  readonly kind: OperationKind;
  readonly function: string;
  readonly mechanism: string;
}

const PLUGS: ReadonlySet<Cause> = new Set(['start', 'grow', 'fill', 'open', 'gain']);

export function kindOf({
  cause,
  to_bytes,
  final_bytes = to_bytes,
}: Pick<OperationState, 'cause' | 'to_bytes' | 'final_bytes'>): OperationKind {
  if (cause === 'pool') return final_bytes > 0 ? 'plug' : 'unplug';
  return PLUGS.has(cause) ? 'plug' : 'unplug';
}
