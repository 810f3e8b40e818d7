/**
 * The promise of a function about memory that it gives up: what became of it, as plain data. Pure.
 */

/** The last operation that came later than promised, and why. */
export interface LateReclaim {
  readonly operation_id: string;
  readonly at_ms: number;
  readonly promised_ms: number;
  /** As it was predicted when it was decided; null: nothing was known then. */
  readonly predicted_ms: number | null;
  readonly took_ms: number;
  readonly because: string;
}

/** What the promises of a function came to; one that is withdrawn for a start is no promise. */
export interface ReclaimTally {
  readonly kept: number;
  readonly late: number;
  /** Of those that were late: it was said before that they would be. */
  readonly foreseen: number;
  readonly withdrawn: number;
  readonly last_late: LateReclaim | null;
}

export const NO_RECLAIMS: ReclaimTally = {
  kept: 0,
  late: 0,
  foreseen: 0,
  withdrawn: 0,
  last_late: null,
};

/** The share of promises that were kept, in percent; null: none is over. */
export function keptPercent({ kept, late }: Pick<ReclaimTally, 'kept' | 'late'>): number | null {
  return kept + late === 0 ? null : (100 * kept) / (kept + late);
}
