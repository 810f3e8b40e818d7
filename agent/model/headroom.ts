/**
 * Headroom: what a guest needs of its ordinary memory to take up memory that is plugged: the map of
 * its pages, and page tables for whoever uses it. A small guest that lacks it dies of the plug.
 * Pure.
 */
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import { KIB, MIB } from '../../base/units.ts';
import { MECHANISMS, type MechanismName } from './mechanism.ts';

/** Of x86-64: `struct page` and one entry of the last level of page tables, for each 4 KiB. */
const MAP_BYTES_PER_PAGE = 64;
const TABLE_BYTES_PER_PAGE = 8;
const PAGE_BYTES = 4 * KIB;
/** What a guest needs to go on at all. */
const SPARE_BYTES = 8 * MIB;

export interface HeadroomAsked {
  readonly mechanism: MechanismName;
  /** What the guest calls the region. */
  readonly region_pci: string;
  readonly from_bytes: number;
  readonly to_bytes: number;
}

/** Needed of the guest's ordinary memory; what is mapped already is not needed again. */
export function headroomNeeded(asked: HeadroomAsked, stats: GuestStats | null): number {
  const pages = Math.max(0, asked.to_bytes - asked.from_bytes) / PAGE_BYTES;
  const tables_bytes = pages * TABLE_BYTES_PER_PAGE;
  // The map is in the ordinary memory of the region's own node, which is made for it.
  if (MECHANISMS.get(asked.mechanism).node_per_region) return tables_bytes;
  const told = stats?.partitions.find((one) => one.region_pci === asked.region_pci);
  const mapped_bytes = told?.map_bytes ?? 0;
  const whole_bytes = (asked.to_bytes / PAGE_BYTES) * MAP_BYTES_PER_PAGE;
  const more_bytes = Math.min(pages * MAP_BYTES_PER_PAGE, Math.max(0, whole_bytes - mapped_bytes));
  return tables_bytes + more_bytes;
}

/** What the guest has for it, less than nothing where it is short; null: it has not told. */
export function headroomLeft(stats: GuestStats | null): number | null {
  return stats && stats.memory_available_bytes - SPARE_BYTES;
}
