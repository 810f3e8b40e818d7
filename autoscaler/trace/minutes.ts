/** Invocations a minute: what traces tell that are too large to have a row for each. */
import { CELL_NUMBERS, PackedCells } from './packed-cells.ts';

export const MINUTES_PER_DAY = 1440;
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
  readonly #cells = new PackedCells();
  readonly #one = new Uint32Array(CELL_NUMBERS);
  #first_minute = Number.POSITIVE_INFINITY;
  #last_minute = Number.NEGATIVE_INFINITY;

  get cells(): number {
    return this.#cells.length;
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
    this.#one[0] = minute;
    this.#one[1] = count;
    this.addAll(function_index, this.#one, CELL_NUMBERS);
  }

  /** Counts of one function: `numbers` has a minute and its count by turns, up to `length`. */
  addAll(function_index: number, numbers: Uint32Array, length: number): void {
    let invocations = 0;
    let [first, last] = [this.#first_minute, this.#last_minute];
    for (let at = 0; at < length; at += CELL_NUMBERS) {
      const minute = numbers[at] ?? 0;
      if (minute < first) first = minute;
      if (minute > last) last = minute;
      invocations += numbers[at + 1] ?? 0;
    }
    [this.#first_minute, this.#last_minute] = [first, last];
    this.#cells.add(function_index, numbers, length);
    const one = this.functions[function_index];
    if (one) one.invocations += invocations;
  }

  /** Every count, in the order in which they were added. */
  forEach(tell: (function_index: number, minute: number, count: number) => void): void {
    this.#cells.forEach(tell);
  }

  /** What all counts come to: infinite minutes when there is none. */
  sums(): { readonly first_minute: number; readonly last_minute: number; readonly count: number } {
    const count = this.functions.reduce((sum, { invocations }) => sum + invocations, 0);
    return { first_minute: this.#first_minute, last_minute: this.#last_minute, count };
  }
}

/** The name of a function in all files of the trace of 2019; no field there has a comma. */
export function functionKey({
  owner,
  app,
  func,
}: Pick<MinuteFunction, 'owner' | 'app' | 'func'>): string {
  return `${owner},${app},${func}`;
}
