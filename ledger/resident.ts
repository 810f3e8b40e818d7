/**
 * What the host's kernel saw of VMs, as an integral: between two looks the mean of both, and what
 * changed between them may have been either all the time. Pure.
 */
import type { Entry } from './graph.ts';
import { PER_GIB_S, type Span } from './span.ts';

interface Look {
  readonly key: string;
  readonly at_ms: number;
  readonly bytes: number;
  /** False: its VM began then, and the host was not asked about it yet. */
  readonly is_seen: boolean;
}

export interface ResidentSum {
  gib_s: number;
  error_gib_s: number;
}

export class ResidentMeter {
  readonly #span: Span;
  readonly #last = new Map<string, Look>();
  /** By what `take` was told. */
  readonly #sums = new Map<string, ResidentSum>();
  /** Those with a VM that the host was never asked about: their sums are not known. */
  readonly #unknown = new Set<string>();

  constructor(span: Span) {
    this.#span = span;
  }

  /** `key`: whose it is. */
  take({ source, record, wall_ms }: Entry, key: string): void {
    const { kind, vm_id, host_bytes } = record;
    if (kind === 'begin' && record.is_fresh) return this.#allGone(`${source.folder} `, wall_ms);
    if (vm_id === undefined) return;
    const vm = `${source.folder} ${vm_id}`;
    const about = { key, at_ms: wall_ms };
    if (kind === 'resident' && host_bytes !== undefined && host_bytes !== null) {
      this.#look(vm, { ...about, bytes: host_bytes, is_seen: true });
    } else if (kind === 'vm-gone') this.#gone(vm, wall_ms);
    else if (kind === 'launch') this.#look(vm, { ...about, bytes: 0, is_seen: false });
  }

  #allGone(folder: string, at_ms: number): void {
    for (const vm of this.#last.keys()) if (vm.startsWith(folder)) this.#gone(vm, at_ms);
  }

  /** Null: the host was not asked, or not about all of its VMs. */
  of(key: string, to_ms: number): ResidentSum | null {
    for (const [vm, look] of this.#last) if (look.key === key) this.#gone(vm, to_ms);
    return this.#unknown.has(key) ? null : (this.#sums.get(key) ?? null);
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
    if (before.is_seen) this.#add(before, { ...before, at_ms });
    else if (this.#durationMs(before.at_ms, at_ms) > 0) this.#unknown.add(before.key);
  }

  /** How much of it lies in the time in question; 0 or less: nothing does. */
  #durationMs(since_ms: number, until_ms: number): number {
    const { from_ms, to_ms } = this.#span;
    return Math.min(until_ms, to_ms) - Math.max(since_ms, from_ms);
  }

  #add(before: Look, look: Look): void {
    const for_ms = this.#durationMs(before.at_ms, look.at_ms);
    if (for_ms <= 0) return;
    const sum = this.#sums.get(look.key) ?? { gib_s: 0, error_gib_s: 0 };
    this.#sums.set(look.key, sum);
    sum.gib_s += (((before.bytes + look.bytes) / 2) * for_ms) / PER_GIB_S;
    sum.error_gib_s += ((Math.abs(look.bytes - before.bytes) / 2) * for_ms) / PER_GIB_S;
  }
}
