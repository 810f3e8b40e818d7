/** Invocations a minute: what traces tell that are too large to have a row for each. */
import { release } from '../../base/number-list.ts';

export const MINUTES_PER_DAY = 1440;
const FIRST_CAPACITY = 4_096;

/** One function of a trace of counts. */
export interface MinuteFunction {
  readonly owner: string;
  readonly app: string;
  readonly func: string;
  trigger: string;
  invocations: number;
}

/** Durations of one function, without cold starts. */
export interface Durations {
  readonly executions: number;
  readonly average_ms: number;
  /** Minimum, 1st, 25th, 50th, 75th and 99th percentile, maximum; ascending. */
  readonly percentiles_ms: readonly number[];
}

/** A count for each function and minute that has one; nothing else is kept. */
export class MinuteTable {
  readonly functions: MinuteFunction[] = [];
  readonly #index_of = new Map<string, number>();
  #function_index = new Uint32Array(FIRST_CAPACITY);
  #minute = new Uint32Array(FIRST_CAPACITY);
  #count = new Uint32Array(FIRST_CAPACITY);
  #cells = 0;

  get cells(): number {
    return this.#cells;
  }

  /** The number of a function; one that was not there is added. */
  indexOf(owner: string, app: string, func: string): number {
    const key = functionKey({ owner, app, func });
    const known = this.#index_of.get(key);
    if (known !== undefined) return known;
    this.#index_of.set(key, this.functions.length);
    return this.functions.push({ owner, app, func, trigger: '', invocations: 0 }) - 1;
  }

  /** The trigger it had before; null: none was known. */
  setTrigger(index: number, trigger: string): string | null {
    const one = this.functions[index];
    if (!one) return null;
    const before = one.trigger;
    one.trigger = trigger;
    return before === '' ? null : before;
  }

  /** `minute` counts from the first of the first day. */
  add(function_index: number, minute: number, count: number): void {
    const at = this.#cells;
    if (at === this.#count.length) this.#grow();
    this.#function_index[at] = function_index;
    this.#minute[at] = minute;
    this.#count[at] = count;
    this.#cells = at + 1;
    const one = this.functions[function_index];
    if (one) one.invocations += count;
  }

  /** Every count, in the order in which they were added. */
  forEach(tell: (function_index: number, minute: number, count: number) => void): void {
    for (let at = 0; at < this.#cells; at += 1) {
      tell(this.#function_index[at] ?? 0, this.#minute[at] ?? 0, this.#count[at] ?? 0);
    }
  }

  /** What all counts come to: infinite minutes when there is none. */
  sums(): { readonly first_minute: number; readonly last_minute: number; readonly count: number } {
    let first_minute = Number.POSITIVE_INFINITY;
    let last_minute = Number.NEGATIVE_INFINITY;
    let count = 0;
    for (let at = 0; at < this.#cells; at += 1) {
      const minute = this.#minute[at] ?? 0;
      if (minute < first_minute) first_minute = minute;
      if (minute > last_minute) last_minute = minute;
      count += this.#count[at] ?? 0;
    }
    return { first_minute, last_minute, count };
  }

  #grow(): void {
    this.#function_index = grown(this.#function_index);
    this.#minute = grown(this.#minute);
    this.#count = grown(this.#count);
  }
}

/** Ends `values`. */
function grown(values: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const wider = new Uint32Array(values.length * 2);
  wider.set(values);
  release(values);
  return wider;
}

/** The name of a function in all files of the trace of 2019. */
export function functionKey({
  owner,
  app,
  func,
}: Pick<MinuteFunction, 'owner' | 'app' | 'func'>): string {
  return `${owner}/${app}/${func}`;
}
