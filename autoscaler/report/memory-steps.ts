/**
 * The memory steps of one mechanism as columns: sixty-four bytes a step, whatever the order of the
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
  'region_used_bytes',
] as const;
export type MemoryField = (typeof MEMORY_FIELDS)[number];

/** A VM that told something. */
export interface SteppedVm {
  readonly index: number;
  readonly vm_id: string;
  readonly function: string;
}

export class MemorySteps {
  readonly #vms = new Map<string, SteppedVm>();
  /** Index of the VM of each row. */
  readonly #vm = new NumberList();
  readonly #at_ms = new NumberList();
  readonly #sizes: Readonly<Record<MemoryField, NumberList>> = {
    committed_bytes: new NumberList(),
    plugged_bytes: new NumberList(),
    used_bytes: new NumberList(),
    resident_bytes: new NumberList(),
    region_resident_bytes: new NumberList(),
    region_used_bytes: new NumberList(),
  };
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
    // A guest that told nothing is taken to use what it last told; before that it is not known.
    const used_bytes = line.used_bytes ?? this.#used.get(vm.index) ?? Number.NaN;
    this.#used.set(vm.index, used_bytes);
    this.#vm.push(vm.index);
    this.#at_ms.push(line.at_ms);
    for (const field of MEMORY_FIELDS) {
      const unknown = field === 'used_bytes' ? used_bytes : Number.NaN;
      this.#sizes[field].push(line[field] ?? unknown);
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

  atOf(row: number): number {
    return this.#at_ms.at(row);
  }

  /** NaN where it is not known: only a guest knows what it uses. */
  sizeOf(row: number, field: MemoryField): number {
    return this.#sizes[field].at(row);
  }

  /** Every step, by time, with the one of the same VM before it; -1: it is the VM's first. */
  forEach(visit: (row: number, before: number) => void): void {
    const last = Array.from({ length: this.#vms.size }, () => -1);
    this.#order ??= orderOf(this.#at_ms.values());
    for (const row of this.#order) {
      const vm = this.#vm.at(row);
      visit(row, last[vm] ?? -1);
      last[vm] = row;
    }
  }

  /** Every stretch of every VM that lies within [from_ms, to_ms); the last is held to the end. */
  forEachHeld(
    from_ms: number,
    to_ms: number,
    visit: (row: number, vm: number, from_ms: number, to_ms: number) => void,
  ): void {
    const open = Array.from({ length: this.#vms.size }, () => -1);
    const tell = (row: number, vm: number, end_ms: number): void => {
      const start_ms = Math.max(from_ms, this.atOf(row));
      if (end_ms > start_ms) visit(row, vm, start_ms, end_ms);
    };
    this.forEach((row, before) => {
      const vm = this.#vm.at(row);
      if (before >= 0) tell(before, vm, Math.min(to_ms, this.atOf(row)));
      open[vm] = row;
    });
    for (const [vm, row] of open.entries()) if (row >= 0) tell(row, vm, to_ms);
  }
}
