/**
 * Memory cost as the integral of a step function. Stamps are whole microseconds and sizes whole
 * bytes, so sums are made in integers and are exact. Pure.
 */
import { GIB } from '../../base/units.ts';
import { MEMORY_FIELDS, type MemoryField, type MemorySteps, type Sizes } from './memory-steps.ts';

/** GiB·s by field, to the millionth. */
export type MemoryCost = Readonly<Record<MemoryField, number>>;

const GIB_MICROSECONDS = BigInt(GIB) * 1_000_000n;

/** The integral over [from_ms, to_ms) of the sum of all VMs. Before its first step a VM is 0. */
export function integrate(steps: MemorySteps, from_ms: number, to_ms: number): MemoryCost {
  const from_us = toMicroseconds(from_ms);
  const to_us = toMicroseconds(to_ms);
  const sums = MEMORY_FIELDS.map(() => 0n);
  steps.forEachHeld(to_ms, (held) => {
    const start_us = Math.max(from_us, toMicroseconds(held.from_ms));
    const end_us = Math.min(to_us, toMicroseconds(held.to_ms));
    if (end_us <= start_us) return;
    const held_us = BigInt(end_us - start_us);
    for (const [index, bytes] of held.sizes.entries()) {
      sums[index] = (sums[index] ?? 0n) + BigInt(bytes) * held_us;
    }
  });
  const cost = (field: MemoryField): number =>
    toGibSeconds(sums[MEMORY_FIELDS.indexOf(field)] ?? 0n);
  return {
    committed_bytes: cost('committed_bytes'),
    plugged_bytes: cost('plugged_bytes'),
    used_bytes: cost('used_bytes'),
    resident_bytes: cost('resident_bytes'),
    region_resident_bytes: cost('region_resident_bytes'),
  };
}

/** The sum over all VMs as one step function: a point at every change, by time. */
export interface TotalPoint {
  readonly at_ms: number;
  readonly committed_bytes: number;
  readonly plugged_bytes: number;
  readonly resident_bytes: number;
}

/** Calls `visit` with the total at every stamp, by time; steps with one stamp are one point. */
export function forEachTotal(steps: MemorySteps, visit: (point: TotalPoint) => void): void {
  const sum = MEMORY_FIELDS.map(() => 0);
  let at_ms: number | null = null;
  const tell = (): void => {
    if (at_ms === null) return;
    visit({ at_ms, ...named(sum) });
  };
  steps.forEach((step) => {
    if (at_ms !== null && step.at_ms !== at_ms) tell();
    at_ms = step.at_ms;
    for (const [index, bytes] of step.sizes.entries()) {
      sum[index] = (sum[index] ?? 0) + bytes - (step.before?.sizes[index] ?? 0);
    }
  });
  tell();
}

/** The longest time within the window in which a VM told nothing. */
export function longestGap(steps: MemorySteps, from_ms: number, to_ms: number): number {
  let longest_ms = 0;
  steps.forEachHeld(to_ms, (held) => {
    const gap_ms = Math.min(to_ms, held.to_ms) - Math.max(from_ms, held.from_ms);
    if (gap_ms > longest_ms) longest_ms = gap_ms;
  });
  return toMicroseconds(longest_ms) / 1000;
}

function named(sizes: Sizes): Omit<TotalPoint, 'at_ms'> {
  const size = (field: MemoryField): number => sizes[MEMORY_FIELDS.indexOf(field)] ?? 0;
  return {
    committed_bytes: size('committed_bytes'),
    plugged_bytes: size('plugged_bytes'),
    resident_bytes: size('resident_bytes'),
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function toGibSeconds(byte_microseconds: bigint): number {
  return Number((byte_microseconds * 1_000_000n) / GIB_MICROSECONDS) / 1e6;
}
