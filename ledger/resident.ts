/**
 * What the host's kernel saw of VMs, as an integral: between two looks the middle of what may have
 * been there by what was plugged then, and how far the truth may be from it. Pure.
 */
import type { Entry } from './graph.ts';
import type { LedgerRecord } from './record.ts';
import { ResidentRange } from './resident-range.ts';
import { PER_GIB_S, type Span } from './span.ts';

interface Look {
  readonly key: string;
  readonly at_ms: number;
  readonly bytes: number;
  /** False: its VM began then, and the host was not asked about it yet. */
  readonly is_seen: boolean;
}

interface Watched {
  /** Null: neither was it looked at, nor did it begin, since the records that are left. */
  look: Look | null;
  readonly range: ResidentRange;
}

/** The end of what is added up; null bytes: nobody looked then. */
interface Until {
  readonly at_ms: number;
  readonly bytes: number | null;
}

export interface ResidentSum {
  gib_s: number;
  error_gib_s: number;
}

export class ResidentMeter {
  readonly #span: Span;
  readonly #watched = new Map<string, Watched>();
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
    else this.#change(vm, record, wall_ms);
  }

  #change(vm: string, record: LedgerRecord, at_ms: number): void {
    // Of a VM that is gone permits come back.
    if (record.kind === 'permit' && record.to_bytes === 0 && !this.#watched.has(vm)) return;
    const { look, range } = this.#watch(vm);
    range.take(record, at_ms);
    if (!look) range.looked();
  }

  #watch(vm: string): Watched {
    const known = this.#watched.get(vm) ?? { look: null, range: new ResidentRange() };
    this.#watched.set(vm, known);
    return known;
  }

  #allGone(folder: string, at_ms: number): void {
    for (const vm of this.#watched.keys()) if (vm.startsWith(folder)) this.#gone(vm, at_ms);
  }

  /** Null: the host was not asked, or not about all of its VMs. */
  of(key: string, to_ms: number): ResidentSum | null {
    for (const [vm, { look }] of this.#watched) if (look?.key === key) this.#gone(vm, to_ms);
    return this.#unknown.has(key) ? null : (this.#sums.get(key) ?? null);
  }

  #look(vm: string, look: Look): void {
    const watched = this.#watch(vm);
    if (watched.look) this.#add(watched.look, look.key, watched.range, look);
    watched.look = look;
    watched.range.looked();
  }

  /** Until its end, or that of the time in question, nobody looked again. */
  #gone(vm: string, at_ms: number): void {
    const { look = null, range } = this.#watched.get(vm) ?? {};
    this.#watched.delete(vm);
    if (!look || !range) return;
    if (look.is_seen) this.#add(look, look.key, range, { at_ms, bytes: null });
    else if (this.#durationMs(look.at_ms, at_ms) > 0) this.#unknown.add(look.key);
  }

  /** How much of it lies in the time in question; 0 or less: nothing does. */
  #durationMs(since_ms: number, until_ms: number): number {
    const { from_ms, to_ms } = this.#span;
    return Math.min(until_ms, to_ms) - Math.max(since_ms, from_ms);
  }

  /** What nobody looked at afterwards is taken for what was left, which is the least. */
  #add(look: Look, key: string, range: ResidentRange, until: Until): void {
    const time = { from_ms: look.at_ms, to_ms: until.at_ms };
    range.between(time, look.bytes, until.bytes, (from_ms, to_ms, least_bytes, most_bytes) => {
      const for_ms = this.#durationMs(from_ms, to_ms);
      if (for_ms <= 0) return;
      const sum = this.#sums.get(key) ?? { gib_s: 0, error_gib_s: 0 };
      this.#sums.set(key, sum);
      const bytes = until.bytes === null ? least_bytes : (least_bytes + most_bytes) / 2;
      sum.gib_s += (bytes * for_ms) / PER_GIB_S;
      sum.error_gib_s += ((most_bytes - bytes) * for_ms) / PER_GIB_S;
    });
  }
}
