/**
 * Parts of the memory of an instance: the region that it starts in, and the far one beside that
 * where its function has tiers. Pure.
 */

interface Place {
  readonly far_index?: number;
}

interface Found extends Place {
  readonly of_spans?: true;
  readonly of_far?: true;
}

interface Held extends Found {
  readonly holder: string | null;
  readonly operation_id: string | null;
}

/** Whether instances start in the region: it is not beside the one of an instance. */
export const isHome = ({ of_spans, of_far }: Found): boolean => !of_spans && !of_far;

/** Of the instance in that region: the near part, and the far one where there is one. */
export function partsAt<Region extends Place>(
  regions: readonly Region[],
  region_index: number,
): readonly Region[] {
  const near = regions[region_index];
  if (near === undefined) return [];
  const far = near.far_index === undefined ? undefined : regions[near.far_index];
  return far === undefined ? [near] : [near, far];
}

/** A number of the instance in that region: of all its parts together. */
export function sumAt<Region extends Place>(
  regions: readonly Region[],
  region_index: number,
  numberOf: (region: Region) => number,
): number {
  const near = regions[region_index];
  if (near === undefined) return 0;
  const far = near.far_index === undefined ? undefined : regions[near.far_index];
  return numberOf(near) + (far === undefined ? 0 : numberOf(far));
}

/** Whether an instance can start in the region: nobody has any part, and nothing is under way. */
export function isFreeHome<Region extends Held>(
  regions: readonly Region[],
  region: Region,
): boolean {
  if (!isHome(region) || region.holder !== null || region.operation_id !== null) return false;
  if (region.far_index === undefined) return true;
  const far = regions[region.far_index];
  return far?.holder === null && far.operation_id === null;
}
