/** Which counts and prices stand for the unplugs of one cell. Pure. */
import { type Cell, type Condition, mechanismOf, REFERENCE } from '../plan/cell.ts';
import {
  estimateUnplug,
  type HardwarePrices,
  hardwarePrices,
  type Range,
  ratioRange,
  type UnplugCounts,
} from './hardware.ts';
import type { BenchData } from '../results/records.ts';
import { floorBacking, floorOf, knownOf, operationsOf, reached } from './select.ts';
import { median } from '../../statistics.ts';

const PAGE_BYTES = 4096;
/** Of the touched pages: an unplug that migrates fewer does mostly something else. */
const MIGRATED_SHARE_MIN = 0.5;

export interface CellEstimate {
  readonly counts: UnplugCounts;
  /** What the guest's part was made of. */
  readonly from: 'instructions' | 'time';
  readonly unplug_ms: Range;
  /** Null for `hotmem` itself, and without a figure of it. */
  readonly times_hotmem: Range | null;
}

/** Null under hardware virtualisation, and where time, floor or a price is missing. */
export function estimateCell(data: BenchData, cell: Cell): CellEstimate | null {
  if (data.manifest.accelerator !== 'tcg') return null;
  const prices = hardwarePrices(data.prices);
  const counts = prices ? countsOf(data, cell, prices) : null;
  if (!prices || !counts) return null;
  const unplug_ms = estimateUnplug(counts, prices);
  const hotmem =
    cell.mechanism === REFERENCE ? null : countsOf(data, { ...cell, mechanism: REFERENCE }, prices);
  return {
    counts,
    from: counts.instructions === null ? 'time' : 'instructions',
    unplug_ms,
    times_hotmem: hotmem ? ratioRange(unplug_ms, estimateUnplug(hotmem, prices)) : null,
  };
}

function countsOf(data: BenchData, cell: Cell, prices: HardwarePrices): UnplugCounts | null {
  const { mechanism, ...condition } = cell;
  const unplugs = operationsOf(data, { kind: 'unplug', mechanism, condition });
  const time_ms = median(reached(unplugs, 'plugged_ms'));
  const accepted_ms = median(reached(unplugs, 'accepted_ms'));
  const backing = floorBacking(data, condition);
  const floor_ms = backing ? median(floorOf(data, backing, cell.region_bytes)) : null;
  if (time_ms === null || accepted_ms === null || floor_ms === null) return null;
  const migrated = median(knownOf(unplugs.map((one) => one.pages_migrated)));
  return {
    time_ms,
    host_ms: Math.min(time_ms, accepted_ms + floor_ms),
    instructions: mechanismOf(cell).partitions
      ? partitionInstructions(data, condition)
      : migrationInstructions(cell, migrated, unplugs[0]?.touched_bytes ?? 0, prices),
    pages_zeroed: zeroedPages(cell, migrated ?? 0),
  };
}

/** Of the partition nearest in size whose unplug was counted. */
function partitionInstructions(data: BenchData, { region_bytes }: Condition): number | null {
  const lines = data.cost.filter(
    (line) => line.part === 'attached-counted' && line.metric === 'unplug' && line.ns > 0,
  );
  const distance = (bytes: number): number => Math.abs(Math.log(bytes / region_bytes));
  const [nearest] = lines.toSorted((a, b) => distance(a.region_bytes) - distance(b.region_bytes));
  if (!nearest) return null;
  return median(
    lines.filter((line) => line.region_bytes === nearest.region_bytes).map((line) => line.ns),
  );
}

/** Counted with pages of 4 KiB and the stock kernel's way; null where that is not what was done. */
function migrationInstructions(
  cell: Cell,
  migrated: number | null,
  touched_bytes: number,
  { migrated_page_instructions }: HardwarePrices,
): number | null {
  const least = (touched_bytes / PAGE_BYTES) * MIGRATED_SHARE_MIN;
  if (cell.pages !== '4k' || !mechanismOf(cell).migrates) return null;
  if (migrated === null || migrated < least || migrated_page_instructions === null) return null;
  return Math.round(migrated * migrated_page_instructions);
}

/**
 * With init_on_alloc the stock driver has its whole range zeroed, since it allocates it to take it
 * away (alloc_contig_range(): post_alloc_hook() in mm/page_alloc.c), and so is every page that
 * takes in a migrated one.
 */
function zeroedPages(cell: Cell, migrated: number): number {
  if (!cell.init_on_alloc || mechanismOf(cell).partitions) return 0;
  return cell.region_bytes / PAGE_BYTES + migrated;
}
