/**
 * Instances of the fast engine in columns, and the idle ones of each function in a list, the one
 * idle longest first. Who gives way first is found in a heap whose entries may be out of date.
 */
import { BATCH, batchDueMs } from '../policy/batched.ts';
import { priorityOf, startCostMs } from '../policy/greedy-dual-rules.ts';
import { EventHeap } from './event-heap.ts';
import type { Eviction, TablePolicy } from './table-policies.ts';
import { readyMs, type SimCosts, type SimFunction } from './workload.ts';

const NONE = -1;
const FIRST_SLOTS = 256;

export class IdleLists {
  readonly #oldest: Int32Array;
  readonly #warmest: Int32Array;
  readonly #counts: Int32Array;
  /** What a start costs, and how large a region is, by function. */
  readonly #start_ms: Float64Array;
  readonly #bytes: Float64Array;
  readonly #uses: Float64Array;
  #clock = 0;
  /* by slot */
  #functions = new Int32Array(FIRST_SLOTS);
  #older = new Int32Array(FIRST_SLOTS).fill(NONE);
  #younger = new Int32Array(FIRST_SLOTS).fill(NONE);
  #since_ms = new Float64Array(FIRST_SLOTS);
  #priority = new Float64Array(FIRST_SLOTS);
  /** 0: busy or not there, 1: idle, not used yet, 2: idle. */
  #state = new Uint8Array(FIRST_SLOTS);
  #used = new Uint8Array(FIRST_SLOTS);
  readonly #victims = new EventHeap();
  readonly #free_slots: number[] = [];
  readonly #is_ranked: boolean;
  readonly #is_oldest_first: boolean;
  readonly #is_batched: boolean;
  readonly #bucket_ms: number;
  #slots = 0;

  constructor(
    count: number,
    policy: Pick<TablePolicy, 'eviction' | 'bucket_ms' | 'is_oldest_first' | 'is_batched'>,
    functions: readonly SimFunction[],
    costs: SimCosts,
  ) {
    this.#oldest = new Int32Array(count).fill(NONE);
    this.#warmest = new Int32Array(count).fill(NONE);
    this.#counts = new Int32Array(count);
    this.#uses = new Float64Array(count);
    this.#is_ranked = policy.eviction === 'greedy-dual';
    this.#is_oldest_first = policy.is_oldest_first ?? false;
    this.#is_batched = policy.is_batched ?? false;
    this.#bucket_ms = policy.bucket_ms ?? 0;
    const costOf = ({ region_bytes }: SimFunction): number =>
      startCostMs(readyMs(costs, region_bytes));
    this.#start_ms = Float64Array.from(functions, costOf);
    this.#bytes = Float64Array.from(functions, (one) => one.region_bytes);
  }

  count(fn: number): number {
    return this.#counts[fn] ?? 0;
  }

  functionOf(slot: number): number {
    return this.#functions[slot] ?? 0;
  }

  sinceOf(slot: number): number {
    return this.#since_ms[slot] ?? 0;
  }

  /** When the one idle longest has been so for `keep_ms`; infinite: none is idle. */
  oldestDueMs(fn: number, keep_ms: number): number {
    const slot = this.#oldest[fn] ?? NONE;
    return slot === NONE ? Number.POSITIVE_INFINITY : this.#dueOf(slot, keep_ms);
  }

  /** When those that are too old end: the first at once, or in batches. */
  dueMs(fn: number, keep_ms: number): number {
    const first = this.#oldest[fn] ?? NONE;
    if (first === NONE) return Number.POSITIVE_INFINITY;
    if (!this.#is_batched) return this.#dueOf(first, keep_ms);
    let fourth = first;
    for (let at = 1; at < BATCH && fourth !== NONE; at += 1) fourth = this.youngerThan(fourth);
    const fourth_ms = fourth === NONE ? null : this.#dueOf(fourth, keep_ms);
    return batchDueMs(this.#dueOf(first, keep_ms), fourth_ms);
  }

  #dueOf(slot: number, keep_ms: number): number {
    const since_ms = this.#since_ms[slot] ?? 0;
    const bucket_ms = this.#bucket_ms;
    return keep_ms + (bucket_ms > 0 ? Math.floor(since_ms / bucket_ms) * bucket_ms : since_ms);
  }

  oldest(fn: number): number {
    return this.#oldest[fn] ?? NONE;
  }

  youngerThan(slot: number): number {
    return this.#younger[slot] ?? NONE;
  }

  hasServed(slot: number): boolean {
    return this.#used[slot] === 1;
  }

  newSlot(fn: number): number {
    const slot = this.#free_slots.pop() ?? this.#slots;
    if (slot === this.#slots) {
      this.#slots += 1;
      if (slot === this.#functions.length) this.#grow();
    }
    this.#functions[slot] = fn;
    this.#used[slot] = 0;
    this.#state[slot] = 0;
    return slot;
  }

  /** The instance and its memory are gone. */
  release(slot: number): void {
    this.#free_slots.push(slot);
  }

  /** It is idle now, and the warmest of its function. */
  add(fn: number, slot: number, now_ms: number, is_new: boolean): void {
    const before = this.#warmest[fn] ?? NONE;
    this.#older[slot] = before;
    this.#younger[slot] = NONE;
    if (before === NONE) this.#oldest[fn] = slot;
    else this.#younger[before] = slot;
    this.#warmest[fn] = slot;
    this.#counts[fn] = (this.#counts[fn] ?? 0) + 1;
    this.#since_ms[slot] = now_ms;
    this.#state[slot] = is_new ? 1 : 2;
    if (!this.#is_ranked) return;
    const priority = priorityOf(this.#clock, {
      uses: this.#uses[fn] ?? 0,
      start_ms: this.#start_ms[fn] ?? 0,
      bytes: this.#bytes[fn] ?? 1,
    });
    this.#priority[slot] = priority;
    this.#victims.push(priority, slot);
  }

  /** Takes out the one that serves next, usually the one idle shortest; -1: none is idle. */
  takeNext(fn: number): number {
    if (this.#is_oldest_first) {
      const oldest = this.#oldest[fn] ?? NONE;
      if (oldest !== NONE) this.take(fn, oldest);
      return oldest;
    }
    const slot = this.#warmest[fn] ?? NONE;
    if (slot === NONE) return NONE;
    // As `take` does, of one with none younger than it.
    const older = this.#older[slot] ?? NONE;
    if (older === NONE) this.#oldest[fn] = NONE;
    else this.#younger[older] = NONE;
    this.#warmest[fn] = older;
    this.#counts[fn] = (this.#counts[fn] ?? 0) - 1;
    this.#state[slot] = 0;
    return slot;
  }

  take(fn: number, slot: number): void {
    const [older, younger] = [this.#older[slot] ?? NONE, this.#younger[slot] ?? NONE];
    if (older === NONE) this.#oldest[fn] = younger;
    else this.#younger[older] = younger;
    if (younger === NONE) this.#warmest[fn] = older;
    else this.#older[younger] = older;
    this.#counts[fn] = (this.#counts[fn] ?? 0) - 1;
    this.#state[slot] = 0;
  }

  /** An invocation that came at `came_ms` has it. Whether it was started after that. */
  serve(slot: number, came_ms: number): boolean {
    const cold = this.#used[slot] === 0 && (this.#since_ms[slot] ?? 0) > came_ms;
    this.#used[slot] = 1;
    return cold;
  }

  /** An invocation of the function comes. */
  noteUse(fn: number): void {
    if (this.#is_ranked) this.#uses[fn] = (this.#uses[fn] ?? 0) + 1;
  }

  /** Nothing of the function is left. */
  forgetUses(fn: number): void {
    this.#uses[fn] = 0;
  }

  /** Takes out who gives way first; -1: nobody is idle. */
  takeVictim(eviction: Eviction): number {
    return eviction === 'greedy-dual' && this.#is_ranked ? this.#leastWorth() : this.#longestIdle();
  }

  #leastWorth(): number {
    while (this.#victims.length > 0) {
      const priority = this.#victims.next_ms;
      const slot = this.#victims.pop();
      if (this.#state[slot] === 0 || this.#priority[slot] !== priority) continue;
      this.take(this.functionOf(slot), slot);
      this.#clock = priority;
      return slot;
    }
    return NONE;
  }

  #longestIdle(): number {
    let found = NONE;
    for (const slot of this.#oldest) {
      if (slot === NONE) continue;
      if (found === NONE || this.sinceOf(slot) < this.sinceOf(found)) found = slot;
    }
    if (found !== NONE) this.take(this.functionOf(found), found);
    return found;
  }

  #grow(): void {
    const capacity = this.#functions.length * 2;
    const wider = (values: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(capacity).fill(NONE);
      grown.set(values);
      return grown;
    };
    const bytes = (values: Uint8Array): Uint8Array<ArrayBuffer> => {
      const grown = new Uint8Array(capacity);
      grown.set(values);
      return grown;
    };
    const numbers = (values: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(capacity);
      grown.set(values);
      return grown;
    };
    this.#functions = wider(this.#functions);
    this.#older = wider(this.#older);
    this.#younger = wider(this.#younger);
    this.#since_ms = numbers(this.#since_ms);
    this.#priority = numbers(this.#priority);
    this.#state = bytes(this.#state);
    this.#used = bytes(this.#used);
  }
}
