/** What of the memory of an instance is in use: of each part and in all, as it is told. Pure. */
import type { RegionStatus } from '../agent/model/messages.ts';
import type { ExplainResponse, InstanceTiers } from '../agent/model/span-messages.ts';
import { formatBytes } from '../base/units.ts';

/** Null: not known. */
export interface InstanceUse {
  readonly all_bytes: number | null;
  /** Of the region that it starts in, and of the far one beside it; null too where it has none. */
  readonly near_bytes: number | null;
  readonly far_bytes: number | null;
}

interface Explained extends Pick<ExplainResponse, 'vm_id' | 'region_id' | 'used_bytes'> {
  readonly tiers: Pick<InstanceTiers, 'region_id'> | null;
}

type Told = Pick<RegionStatus, 'id' | 'vm_id' | 'used_bytes'>;

/**
 * The agent's book has it where memory follows its use; else `regions` of its function tell it, as
 * their guest does now.
 */
export function useOf(
  { vm_id, region_id, used_bytes, tiers }: Explained,
  regions: readonly Told[],
): InstanceUse {
  const of = (id: string): number | null =>
    regions.find((one) => one.vm_id === vm_id && one.id === id)?.used_bytes ?? null;
  const near_bytes = used_bytes ?? of(region_id);
  if (!tiers) return { all_bytes: near_bytes, near_bytes, far_bytes: null };
  const far_bytes = of(tiers.region_id);
  const is_known = near_bytes !== null && far_bytes !== null;
  return { all_bytes: is_known ? near_bytes + far_bytes : null, near_bytes, far_bytes };
}

const size = (bytes: number | null): string => (bytes === null ? 'unknown' : formatBytes(bytes));

/** In words: of one with two parts in all, and of each; of which of them it is not known. */
export function useText(
  { all_bytes, near_bytes, far_bytes }: InstanceUse,
  has_parts: boolean,
): string {
  if (!has_parts || (near_bytes === null && far_bytes === null)) return size(all_bytes);
  const parts = `${size(near_bytes)} near, ${size(far_bytes)} far`;
  return all_bytes === null ? parts : `${size(all_bytes)}: ${parts}`;
}
