/**
 * What the host's kernel saw of VMs, as an integral: between two looks the mean of both, and what
 * changed between them may have been either all the time. Pure.
 */
import { GIB } from '../base/units.ts';
import type { Entry } from './graph.ts';
import type { Span } from './meter.ts';

interface Look {
  readonly key: string;
  readonly at_ms: number;
  readonly bytes: number;
}

export interface ResidentSum {
  gib_s: number;
  error_gib_s: number;
}

const PER_GIB_S = GIB * 1_000;

export class ResidentMeter {
  readonly #span: Span;
  readonly #last = new Map<string, Look>();
  /** By ledger and function. */
  readonly #sums = new Map<string, ResidentSum>();

  constructor(span: Span) {
    this.#span = span;
  }

  take({ source, record, wall_ms }: Entry): void {
    const { kind, vm_id, host_bytes } = record;
    if (vm_id === undefined) return;
    const vm = `${source.folder} ${vm_id}`;
    if (kind === 'resident') {
      const key = `${source.folder} ${record.function}`;
      this.#look(vm, { key, at_ms: wall_ms, bytes: host_bytes ?? 0 });
    } else if (kind === 'vm-gone') this.#gone(vm, wall_ms);
    else if (kind === 'launch')
      this.#look(vm, { key: `${source.folder} ${record.function}`, at_ms: wall_ms, bytes: 0 });
  }

  /** Null: the host was never asked. */
  of(key: string, to_ms: number): ResidentSum | null {
    for (const [vm, look] of this.#last) if (look.key === key) this.#gone(vm, to_ms);
    return this.#sums.get(key) ?? null;
  }

  #look(vm: string, look: Look): void {
    const before = this.#last.get(vm);
    this.#last.set(vm, look);
    if (before) this.#add(before, look);
  }

  /** Until its end, or that of the time in question, it held what it did, or nothing any more. */
  #gone(vm: string, at_ms: number): void {
    const before = this.#last.get(vm);
    this.#last.delete(vm);
    if (!before) return;
    this.#add(before, { ...before, at_ms });
  }

  #add(before: Look, look: Look): void {
    const { from_ms, to_ms } = this.#span;
    const for_ms = Math.min(look.at_ms, to_ms) - Math.max(before.at_ms, from_ms);
    if (for_ms <= 0) return;
    const sum = this.#sums.get(look.key) ?? { gib_s: 0, error_gib_s: 0 };
    this.#sums.set(look.key, sum);
    sum.gib_s += (((before.bytes + look.bytes) / 2) * for_ms) / PER_GIB_S;
    sum.error_gib_s += ((Math.abs(look.bytes - before.bytes) / 2) * for_ms) / PER_GIB_S;
  }
}
