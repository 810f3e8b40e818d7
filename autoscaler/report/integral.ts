/**
 * Memory cost as the integral of a step function. A step holds from its stamp until the next step
 * of the same VM. Stamps are whole microseconds and sizes whole bytes, so sums are made in integers
 * and are exact. Pure.
 */
import { GIB } from '../../base/units.ts';
import type { MemoryStepLine } from '../results/schema.ts';

export const MEMORY_FIELDS = [
  'committed_bytes',
  'plugged_bytes',
  'used_bytes',
  'resident_bytes',
  'region_resident_bytes',
] as const;
export type MemoryField = (typeof MEMORY_FIELDS)[number];

/** GiB·s by field, to the millionth. */
export type MemoryCost = Readonly<Record<MemoryField, number>>;

const GIB_MICROSECONDS = BigInt(GIB) * 1_000_000n;

/** Steps of each VM, by time; of steps with one stamp the last written holds. */
export function stepsByVm(steps: readonly MemoryStepLine[]): Map<string, MemoryStepLine[]> {
  const by_vm = new Map<string, MemoryStepLine[]>();
  for (const step of steps) {
    const list = by_vm.get(step.vm_id);
    if (list) list.push(step);
    else by_vm.set(step.vm_id, [step]);
  }
  for (const [vm_id, list] of by_vm) {
    by_vm.set(
      vm_id,
      list.toSorted((a, b) => a.at_ms - b.at_ms),
    );
  }
  return by_vm;
}

/** The integral over [from_ms, to_ms) of the sum of all VMs. Before its first step a VM is 0. */
export function integrate(
  steps: readonly MemoryStepLine[],
  from_ms: number,
  to_ms: number,
): MemoryCost {
  const from_us = toMicroseconds(from_ms);
  const to_us = toMicroseconds(to_ms);
  const sums = new Map<MemoryField, bigint>(MEMORY_FIELDS.map((field) => [field, 0n]));
  for (const list of stepsByVm(steps).values()) {
    for (const [index, step] of list.entries()) {
      const next = list[index + 1];
      const start_us = Math.max(from_us, toMicroseconds(step.at_ms));
      const end_us = Math.min(to_us, next ? toMicroseconds(next.at_ms) : to_us);
      if (end_us <= start_us) continue;
      const held_us = BigInt(end_us - start_us);
      for (const field of MEMORY_FIELDS) {
        sums.set(field, (sums.get(field) ?? 0n) + BigInt(step[field]) * held_us);
      }
    }
  }
  const cost = (field: MemoryField): number => toGibSeconds(sums.get(field) ?? 0n);
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
  readonly used_bytes: number;
  readonly resident_bytes: number;
}

export function totalSteps(steps: readonly MemoryStepLine[]): TotalPoint[] {
  const current = new Map<string, MemoryStepLine>();
  const points: TotalPoint[] = [];
  for (const step of steps.toSorted((a, b) => a.at_ms - b.at_ms)) {
    current.set(step.vm_id, step);
    const point = { at_ms: step.at_ms, ...sumOf([...current.values()]) };
    if (points.at(-1)?.at_ms === step.at_ms) points.pop();
    points.push(point);
  }
  return points;
}

/** The longest time within the window in which a VM told nothing. */
export function longestGap(
  steps: readonly MemoryStepLine[],
  from_ms: number,
  to_ms: number,
): number {
  let longest_ms = 0;
  for (const list of stepsByVm(steps).values()) {
    for (const [index, step] of list.entries()) {
      const end_ms = Math.min(to_ms, list[index + 1]?.at_ms ?? to_ms);
      longest_ms = Math.max(longest_ms, end_ms - Math.max(from_ms, step.at_ms));
    }
  }
  return toMicroseconds(longest_ms) / 1000;
}

function sumOf(steps: readonly MemoryStepLine[]): Omit<TotalPoint, 'at_ms'> {
  const sum = (field: MemoryField): number => steps.reduce((total, step) => total + step[field], 0);
  return {
    committed_bytes: sum('committed_bytes'),
    plugged_bytes: sum('plugged_bytes'),
    used_bytes: sum('used_bytes'),
    resident_bytes: sum('resident_bytes'),
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function toGibSeconds(byte_microseconds: bigint): number {
  return Number((byte_microseconds * 1_000_000n) / GIB_MICROSECONDS) / 1e6;
}
