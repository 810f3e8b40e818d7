/** The VM of a cell: its regions, how much of each is filled, and in which order they go. Pure. */
import { GIB, MEMORY_BLOCK_BYTES, MIB } from '../../../base/units.ts';
import { type Cell, isOnOneDevice } from './cell.ts';

/** Ordinary guest memory. The kernel keeps the map of all regions (1/64) and page tables here. */
export const BOOT_BYTES = GIB;
export const VCPUS = 2;
const REGIONS_MAX = 8;
/** Part of a region that a full instance touches; the rest is slack for stack and page tables. */
const FILL_SHARE = 0.92;
const SLACK_BYTES_MIN = 16 * MIB;
const PAGE_BYTES = 4096;
const NEIGHBOUR_REGION_BYTES = MEMORY_BLOCK_BYTES;

export interface Slot {
  /** What the instance of this slot touches; 0: the slot has no instance. */
  readonly fill_bytes: number;
}

export interface Layout {
  /** One per instance that can be, in the order of the regions. */
  readonly slots: readonly Slot[];
  readonly region_bytes: number;
  /** Slots whose region is unplugged, in the scattered order in which they take turns. */
  readonly turns: readonly number[];
  /** Region of the instance that serves requests, or null. Comes after the slots. */
  readonly neighbour_bytes: number | null;
  /** All slots share one device of this size (mechanism `virtio-mem-one-device`). */
  readonly one_device: boolean;
}

/** Regions that fit into `memory_bytes` of the host; at least two, so that there is a rest. */
export function regionCount(region_bytes: number, memory_bytes: number): number {
  const fit = Math.floor((memory_bytes - BOOT_BYTES) / region_bytes);
  return Math.max(2, Math.min(REGIONS_MAX, fit));
}

/** Bytes a full instance touches in a region of this size. */
export function fillBytes(region_bytes: number): number {
  const slack_bytes = Math.max(SLACK_BYTES_MIN, region_bytes * (1 - FILL_SHARE));
  return pages(region_bytes - slack_bytes);
}

export function cellLayoutOf(cell: Cell, memory_bytes: number): Layout {
  const { region_bytes, occupancy_percent } = cell;
  const count = regionCount(region_bytes, memory_bytes);
  const full = fillBytes(region_bytes);
  const rest = occupancy_percent === null ? full : pages((region_bytes * occupancy_percent) / 100);
  return {
    slots: Array.from({ length: count }, (_, slot) => ({ fill_bytes: slot === 0 ? full : rest })),
    region_bytes,
    turns: occupancy_percent === null ? scattered(count) : [0],
    neighbour_bytes: cell.neighbour ? NEIGHBOUR_REGION_BYTES : null,
    one_device: isOnOneDevice(cell),
  };
}

/** 1, 4, 7, 2, ...: neighbours in memory are not neighbours in time. Every index once. */
export function scattered(count: number): number[] {
  const step = [3, 5, 7].find((prime) => count % prime !== 0) ?? 1;
  return Array.from({ length: count }, (_, index) => (step * index + 1) % count);
}

/** Bytes touched in all slots. */
export function totalFillBytes({ slots }: Layout): number {
  return slots.reduce((sum, slot) => sum + slot.fill_bytes, 0);
}

const pages = (bytes: number): number => Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES;
