/**
 * The memory steps of one mechanism as columns: fifty-six bytes a step, whatever the order of the
 * lines. A step holds from its stamp until the next step of the same VM; of steps with one stamp
 * the last written holds. Pure.
 */
import { NumberList, orderOf } from '../../base/number-list.ts';
import type { MemoryStepLine } from '../results/schema.ts';

export const MEMORY_FIELDS = [
  'committed_bytes',
  'plugged_bytes',
  'used_bytes',
  'resident_bytes',
  'region_resident_bytes',
] as const;
export type MemoryField = (typeof MEMORY_FIELDS)[number];

/** Sizes by {@link MEMORY_FIELDS}. */
export type Sizes = readonly number[];

/** What one VM held, from `from_ms` until `to_ms`. */
export interface Held {
  readonly vm: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly sizes: Sizes;
}

/** A VM that told something. */
export interface SteppedVm {
  readonly index: number;
  readonly vm_id: string;
  readonly function: string;
}

interface Step {
  readonly vm: number;
  readonly at_ms: number;
  readonly sizes: Sizes;
  /** What the VM held up to this step; null at its first. */
  readonly before: Held | null;
}

export class MemorySteps {
  readonly #vms = new Map<string, SteppedVm>();
  readonly #vm = new NumberList();
  readonly #at_ms = new NumberList();
  readonly #sizes = MEMORY_FIELDS.map(() => new NumberList());
  /** What the guest of each VM last told. */
  readonly #used = new Map<number, number>();
  #order: Uint32Array | null = null;

  static of(lines: Iterable<MemoryStepLine>): MemorySteps {
    const steps = new MemorySteps();
    for (const line of lines) steps.add(line);
    return steps;
  }

  add(line: MemoryStepLine): void {
    let vm = this.#vms.get(line.vm_id);
    if (!vm) {
      vm = { index: this.#vms.size, vm_id: line.vm_id, function: line.function };
      this.#vms.set(line.vm_id, vm);
    }
    // A guest that told nothing is taken to use what it last told.
    const used_bytes = line.used_bytes ?? this.#used.get(vm.index) ?? 0;
    this.#used.set(vm.index, used_bytes);
    this.#vm.push(vm.index);
    this.#at_ms.push(line.at_ms);
    for (const [index, field] of MEMORY_FIELDS.entries()) {
      this.#sizes[index]?.push(line[field] ?? used_bytes);
    }
    this.#order = null;
  }

  get length(): number {
    return this.#at_ms.length;
  }

  /** The VMs that told anything, in the order of their first lines. */
  get vms(): readonly SteppedVm[] {
    return [...this.#vms.values()];
  }

  /** Every step, by time. */
  forEach(visit: (step: Step) => void): void {
    const last: (Held | null)[] = Array.from({ length: this.#vms.size }, () => null);
    this.#order ??= orderOf(this.#at_ms);
    for (const row of this.#order) {
      const vm = this.#vm.at(row);
      const at_ms = this.#at_ms.at(row);
      const sizes = this.#sizes.map((column) => column.at(row));
      const before = last[vm] ?? null;
      visit({ vm, at_ms, sizes, before: before && { ...before, to_ms: at_ms } });
      last[vm] = { vm, from_ms: at_ms, to_ms: at_ms, sizes };
    }
  }

  /** Every stretch of every VM; the last of each is held until `end_ms`. */
  forEachHeld(end_ms: number, visit: (held: Held) => void): void {
    const open: (Held | null)[] = Array.from({ length: this.#vms.size }, () => null);
    this.forEach(({ vm, at_ms, sizes, before }) => {
      if (before) visit(before);
      open[vm] = { vm, from_ms: at_ms, to_ms: end_ms, sizes };
    });
    for (const held of open) if (held) visit(held);
  }
}
