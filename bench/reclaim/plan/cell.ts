/** What is varied: a cell is one mechanism under one set of conditions. Pure. */
import type { Backing } from '../../../agent/model/spec.ts';
import { type Mechanism, MECHANISMS, STOCK } from '../../../agent/model/mechanism.ts';
import { formatBytes } from '../../../base/units.ts';

const ONE_DEVICE = 'virtio-mem-one-device';

export const BENCH_MECHANISMS = ['hotmem', 'numa', 'virtio-mem', ONE_DEVICE] as const;
/** `virtio-mem-one-device`: stock kernel, one device for all regions instead of one each. */
export type BenchMechanism = (typeof BENCH_MECHANISMS)[number];

/** The mechanism that the others are compared with. */
export const REFERENCE: BenchMechanism = 'hotmem';

/** How the memory of a cell comes back. */
export function mechanismOf({ mechanism }: Pick<Cell, 'mechanism'>): Mechanism {
  return MECHANISMS.get(mechanism === ONE_DEVICE ? STOCK : mechanism);
}

export function isOnOneDevice({ mechanism }: Pick<Cell, 'mechanism'>): boolean {
  return mechanism === ONE_DEVICE;
}

export const GUEST_PAGES = ['4k', 'huge'] as const;

/** All that a figure depends on, except the mechanism. */
export interface Condition {
  /** Size of the region that is unplugged. */
  readonly region_bytes: number;
  /**
   * How much of the rest of the hot-plugged memory is touched by living instances. Null: `full`,
   * every region is filled as the one under test, and each of them takes its turn.
   */
  readonly occupancy_percent: number | null;
  readonly init_on_alloc: boolean;
  /** Guest pages: 4 KiB only, or huge pages at fault (guest THP `always`). */
  readonly pages: (typeof GUEST_PAGES)[number];
  /** Host backing of the regions. */
  readonly backing: Backing;
  /** A further instance serves short requests back to back while regions are unplugged. */
  readonly neighbour: boolean;
}

export interface Cell extends Condition {
  readonly mechanism: BenchMechanism;
}

/** The condition every other one is a variation of. */
export const BASE_CONDITION: Omit<Condition, 'region_bytes'> = {
  occupancy_percent: null,
  init_on_alloc: false,
  pages: '4k',
  backing: 'anonymous',
  neighbour: false,
};

/** Same text, same condition: `512 MiB, full, init_on_alloc=0, 4k, anonymous`. */
export function conditionName(condition: Condition): string {
  const { occupancy_percent, init_on_alloc, pages, backing } = condition;
  return [
    formatBytes(condition.region_bytes),
    occupancy_percent === null ? 'full' : `${occupancy_percent} %`,
    `init_on_alloc=${init_on_alloc ? 1 : 0}`,
    pages,
    backing,
    ...(condition.neighbour ? ['neighbour'] : []),
  ].join(', ');
}

export function cellName(cell: Cell): string {
  return `${cell.mechanism}, ${conditionName(cell)}`;
}

/** Picks the condition out of anything that carries one. */
export function conditionOf(source: Condition): Condition {
  const { region_bytes, occupancy_percent, init_on_alloc, pages, backing, neighbour } = source;
  return { region_bytes, occupancy_percent, init_on_alloc, pages, backing, neighbour };
}

/** Those for which `wanted` holds; fields left out match anything. */
export function matches(condition: Condition, wanted: Partial<Condition>): boolean {
  const given = Object.entries(wanted);
  const have = new Map<string, unknown>(Object.entries(condition));
  return given.every(([field, value]) => have.get(field) === value);
}
