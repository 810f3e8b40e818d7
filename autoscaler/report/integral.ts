/**
 * Memory cost as the integral of a step function. Stamps are whole microseconds and sizes whole
 * bytes, so sums are made in integers and are exact. Pure.
 */
import { GIB } from '../../base/units.ts';
import { MEMORY_FIELDS, type MemoryField, type MemorySteps } from './memory-steps.ts';

/** GiB·s by field, to the millionth; null where some of it is not known. */
export type MemoryCost = Readonly<Record<MemoryField, number | null>>;

const GIB_MICROSECONDS = BigInt(GIB) * 1_000_000n;

/** The integral over [from_ms, to_ms) of the sum of all VMs. Before its first step a VM is 0. */
export function integrate(steps: MemorySteps, from_ms: number, to_ms: number): MemoryCost {
  const sums = MEMORY_FIELDS.map(() => 0n);
  const unknown = new Set<MemoryField>();
  steps.forEachHeld(from_ms, to_ms, (row, _, start_ms, end_ms) => {
    const held_us = BigInt(toMicroseconds(end_ms) - toMicroseconds(start_ms));
    for (const [index, field] of MEMORY_FIELDS.entries()) {
      const bytes = steps.sizeOf(row, field);
      if (Number.isNaN(bytes)) unknown.add(field);
      else sums[index] = (sums[index] ?? 0n) + BigInt(bytes) * held_us;
    }
  });
  const cost = (field: MemoryField): number | null =>
    unknown.has(field) ? null : toGibSeconds(sums[MEMORY_FIELDS.indexOf(field)] ?? 0n);
  return {
    committed_bytes: cost('committed_bytes'),
    plugged_bytes: cost('plugged_bytes'),
    used_bytes: cost('used_bytes'),
    resident_bytes: cost('resident_bytes'),
    region_resident_bytes: cost('region_resident_bytes'),
    region_used_bytes: cost('region_used_bytes'),
  };
}

/** The sum over all VMs as one step function: a point at every change, by time. */
export interface TotalPoint {
  readonly at_ms: number;
  readonly committed_bytes: number;
  readonly plugged_bytes: number;
  readonly resident_bytes: number;
}

const TOTAL_FIELDS = ['committed_bytes', 'plugged_bytes', 'resident_bytes'] as const;

/** Calls `visit` with the total at every stamp, by time; steps with one stamp are one point. */
export function forEachTotal(steps: MemorySteps, visit: (point: TotalPoint) => void): void {
  const sum = { committed_bytes: 0, plugged_bytes: 0, resident_bytes: 0 };
  let at_ms: number | null = null;
  steps.forEach((row, before) => {
    if (at_ms !== null && steps.atOf(row) !== at_ms) visit({ at_ms, ...sum });
    at_ms = steps.atOf(row);
    for (const field of TOTAL_FIELDS) {
      sum[field] += steps.sizeOf(row, field) - (before < 0 ? 0 : steps.sizeOf(before, field));
    }
  });
  if (at_ms !== null) visit({ at_ms, ...sum });
}

/** The longest time within the window in which a VM told nothing. */
export function longestGap(steps: MemorySteps, from_ms: number, to_ms: number): number {
  let longest_ms = 0;
  steps.forEachHeld(from_ms, to_ms, (_, __, start_ms, end_ms) => {
    if (end_ms - start_ms > longest_ms) longest_ms = end_ms - start_ms;
  });
  return toMicroseconds(longest_ms) / 1000;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function toGibSeconds(byte_microseconds: bigint): number {
  return Number((byte_microseconds * 1_000_000n) / GIB_MICROSECONDS) / 1e6;
}
