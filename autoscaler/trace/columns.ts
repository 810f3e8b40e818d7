/**
 * Invocations without an object for each: twenty bytes one, in three columns. Two million of the
 * trace of 2021 are 40 MB so.
 */
import { orderOf, release } from '../../base/number-list.ts';
import type { TraceInvocation } from './trace.ts';

const FIRST_CAPACITY = 1_024;

export class InvocationColumns implements Iterable<TraceInvocation> {
  /** Index into the functions of the trace. */
  readonly function_index: Uint32Array;
  /** End minus duration; may lie a little before 0. */
  readonly arrival_ms: Float64Array;
  readonly duration_ms: Float64Array;

  constructor(function_index: Uint32Array, arrival_ms: Float64Array, duration_ms: Float64Array) {
    this.function_index = function_index;
    this.arrival_ms = arrival_ms;
    this.duration_ms = duration_ms;
  }

  get length(): number {
    return this.arrival_ms.length;
  }

  at(index: number): TraceInvocation | undefined {
    const at = index < 0 ? this.length + index : index;
    const arrival_ms = this.arrival_ms[at];
    if (arrival_ms === undefined) return undefined;
    const function_index = this.function_index[at] ?? 0;
    return { function_index, arrival_ms, duration_ms: this.duration_ms[at] ?? 0 };
  }

  *[Symbol.iterator](): IterableIterator<TraceInvocation> {
    for (let index = 0; index < this.length; index += 1) {
      const one = this.at(index);
      if (one) yield one;
    }
  }

  static from(invocations: Iterable<TraceInvocation>): InvocationColumns {
    const builder = new ColumnsBuilder();
    for (const one of invocations) builder.add(one.function_index, one.arrival_ms, one.duration_ms);
    return builder.inOrder();
  }
}

/** Columns that grow by doubling. */
export class ColumnsBuilder {
  #function_index = new Uint32Array(FIRST_CAPACITY);
  #arrival_ms = new Float64Array(FIRST_CAPACITY);
  #duration_ms = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(function_index: number, arrival_ms: number, duration_ms: number): void {
    const at = this.#length;
    if (at === this.#arrival_ms.length) this.#grow();
    this.#function_index[at] = function_index;
    this.#arrival_ms[at] = arrival_ms;
    this.#duration_ms[at] = duration_ms;
    this.#length = at + 1;
  }

  /** Sorted by arrival; equal ones keep the order in which they came. Ends the builder. */
  inOrder(): InvocationColumns {
    const length = this.#length;
    const columns = [this.#function_index, this.#arrival_ms, this.#duration_ms] as const;
    const [functions, arrivals, durations] = columns;
    this.#function_index = new Uint32Array(0);
    [this.#arrival_ms, this.#duration_ms] = [new Float64Array(0), new Float64Array(0)];
    const order = isAscending(arrivals, length) ? null : orderOf(arrivals.subarray(0, length));
    if (!order) {
      return new InvocationColumns(
        functions.subarray(0, length),
        arrivals.subarray(0, length),
        durations.subarray(0, length),
      );
    }
    return new InvocationColumns(
      inOrder(functions, order, new Uint32Array(length)),
      inOrder(arrivals, order, new Float64Array(length)),
      inOrder(durations, order, new Float64Array(length)),
    );
  }

  #grow(): void {
    const capacity = this.#arrival_ms.length * 2;
    this.#function_index = moved(this.#function_index, new Uint32Array(capacity));
    this.#arrival_ms = moved(this.#arrival_ms, new Float64Array(capacity));
    this.#duration_ms = moved(this.#duration_ms, new Float64Array(capacity));
  }
}

function isAscending(values: Float64Array, length: number): boolean {
  for (let at = 1; at < length; at += 1) {
    if ((values[at - 1] ?? 0) > (values[at] ?? 0)) return false;
  }
  return true;
}

type Column = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Ends `from`. */
function moved<T extends Column>(from: T, into: T): T {
  into.set(from);
  release(from);
  return into;
}

/** Ends `from`. */
function inOrder<T extends Column>(from: T, order: Uint32Array, into: T): T {
  for (let at = 0; at < order.length; at += 1) into[at] = from[order[at] ?? 0] ?? 0;
  release(from);
  return into;
}
