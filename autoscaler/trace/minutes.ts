/** Invocations a minute: what traces tell that are too large to have a row for each. */
export const MINUTES_PER_DAY = 1440;
/** Function, minute and count. */
const CELL_NUMBERS = 3;
const BLOCK_CELLS = 64 * 1024;
const BLOCK_NUMBERS = CELL_NUMBERS * BLOCK_CELLS;

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
  /** Full but for the last one: what is there is never moved. */
  readonly #blocks: Uint32Array[] = [];
  #last = new Uint32Array(0);
  #last_numbers = 0;
  #first_minute = Number.POSITIVE_INFINITY;
  #last_minute = Number.NEGATIVE_INFINITY;

  get cells(): number {
    const full = Math.max(0, this.#blocks.length - 1);
    return full * BLOCK_CELLS + this.#last_numbers / CELL_NUMBERS;
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
    if (this.#last_numbers === this.#last.length) this.#newBlock();
    const at = this.#last_numbers;
    this.#last[at] = function_index;
    this.#last[at + 1] = minute;
    this.#last[at + 2] = count;
    this.#last_numbers = at + CELL_NUMBERS;
    if (minute < this.#first_minute) this.#first_minute = minute;
    if (minute > this.#last_minute) this.#last_minute = minute;
    const one = this.functions[function_index];
    if (one) one.invocations += count;
  }

  /**
   * Counts of one function, none of them 0: `numbers` has a minute and its count by turns, up to
   * `length`.
   */
  addAll(function_index: number, numbers: Uint32Array, length: number): void {
    let invocations = 0;
    for (let at = 0; at < length; ) {
      if (this.#last_numbers === this.#last.length) this.#newBlock();
      const block = this.#last;
      let to = this.#last_numbers;
      const room = ((block.length - to) / CELL_NUMBERS) * 2;
      for (const end = Math.min(length, at + room); at < end; at += 2) {
        const minute = numbers[at] ?? 0;
        const count = numbers[at + 1] ?? 0;
        block[to] = function_index;
        block[to + 1] = minute;
        block[to + 2] = count;
        to += CELL_NUMBERS;
        invocations += count;
        if (minute < this.#first_minute) this.#first_minute = minute;
        if (minute > this.#last_minute) this.#last_minute = minute;
      }
      this.#last_numbers = to;
    }
    const one = this.functions[function_index];
    if (one) one.invocations += invocations;
  }

  /** Every count, in the order in which they were added. */
  forEach(tell: (function_index: number, minute: number, count: number) => void): void {
    for (const block of this.#blocks) {
      const length = block === this.#last ? this.#last_numbers : block.length;
      for (let at = 0; at < length; at += CELL_NUMBERS) {
        tell(block[at] ?? 0, block[at + 1] ?? 0, block[at + 2] ?? 0);
      }
    }
  }

  /** What all counts come to: infinite minutes when there is none. */
  sums(): { readonly first_minute: number; readonly last_minute: number; readonly count: number } {
    const count = this.functions.reduce((sum, { invocations }) => sum + invocations, 0);
    return { first_minute: this.#first_minute, last_minute: this.#last_minute, count };
  }

  #newBlock(): void {
    this.#last = new Uint32Array(BLOCK_NUMBERS);
    this.#last_numbers = 0;
    this.#blocks.push(this.#last);
  }
}

/** The name of a function in all files of the trace of 2019. */
export function functionKey({
  owner,
  app,
  func,
}: Pick<MinuteFunction, 'owner' | 'app' | 'func'>): string {
  return `${owner}/${app}/${func}`;
}
