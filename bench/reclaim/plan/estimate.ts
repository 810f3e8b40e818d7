/** How long a run may take, before it starts and while it runs. Pure. */
import { mechanismOf } from './cell.ts';
import { GIB } from '../../../base/units.ts';
import { cellLayoutOf, totalFillBytes } from './layout.ts';
import { type BlockPlan, type Plan, repetitionsOf } from './plan.ts';

/** Milliseconds on two idle cores under TCG; only the progress line depends on them. */
const MS = {
  boot: 4_000,
  fill_gib: 1_300,
  refill_gib: 2_600,
  stock_unplug_gib: 3_000,
  numa_unplug_gib: 80,
  operation: 250,
  burst: 6_000,
  counted: 45_000,
  attached: 110_000,
  lock: 60_000,
} as const;

export function estimateBlockMs(
  plan: BlockPlan,
  repetitions: number,
  memory_bytes: number,
): number {
  const { cell } = plan;
  const layout = cellLayoutOf(cell, memory_bytes);
  const region_gib = cell.region_bytes / GIB;
  const touched_gib = totalFillBytes(layout) / GIB;
  const stock = mechanismOf(cell).migrates;
  const unplug_ms = region_gib * (stock ? MS.stock_unplug_gib : MS.numa_unplug_gib);
  const turn_ms = unplug_ms + region_gib * MS.refill_gib + 3 * MS.operation;
  const turns = cell.neighbour ? 0 : repetitions * turn_ms;
  const bursts = cell.neighbour ? (stock ? 4 : 44) * MS.burst : 0;
  const operations = 2 * layout.slots.length * MS.operation;
  return MS.boot + touched_gib * MS.fill_gib + turns + bursts + operations;
}

export function estimatePlanMs(plan: Plan, memory_bytes: number): number {
  const blocks = plan.blocks.reduce(
    (sum, block) => sum + estimateBlockMs(block, repetitionsOf(block.cell, plan), memory_bytes),
    0,
  );
  const off = plan.parts.includes('off') ? MS.counted : 0;
  const attached = plan.parts.includes('attached') ? MS.attached : 0;
  const lock = plan.parts.includes('lock') ? MS.lock : 0;
  return blocks + off + attached + lock;
}

/** What is left, from what the finished part was thought to take and really took. */
export function remainingMs(parts: {
  readonly planned_ms: number;
  readonly finished_planned_ms: number;
  readonly elapsed_ms: number;
}): number {
  const { planned_ms, finished_planned_ms, elapsed_ms } = parts;
  const left_ms = Math.max(0, planned_ms - finished_planned_ms);
  return finished_planned_ms <= 0 ? left_ms : left_ms * (elapsed_ms / finished_planned_ms);
}
