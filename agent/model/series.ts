/** What guest kernels of the series can, by its revision. Pure. */
import { type MechanismName, MECHANISMS } from './mechanism.ts';
import type { VmFacts } from './state.ts';

/**
 * The first revision whose partitions make memory ready ahead, and hand out what is known to be
 * zero as it is.
 */
const READY_REVISION = 10;

/** False also where no revision is told. */
export function knowsReady(
  mechanism: MechanismName,
  facts: Pick<VmFacts, 'series_revision'> | null,
): boolean {
  if (!MECHANISMS.get(mechanism).partitions) return false;
  return Number(facts?.series_revision || Number.NaN) >= READY_REVISION;
}
