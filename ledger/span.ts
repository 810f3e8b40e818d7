/** Time that is metered, and the unit of what is. Pure. */
import { GIB } from '../base/units.ts';

/** Bytes times milliseconds. */
export const PER_GIB_S = GIB * 1_000;

/** Milliseconds since 1970. */
export interface Span {
  readonly from_ms: number;
  readonly to_ms: number;
}
