/** The plan of a run as its invocation lines tell it: columns, twenty-four bytes an arrival. */
import { NumberList, orderOf } from '../../base/number-list.ts';

export interface PlannedCall {
  /** Position in {@link PlannedWork.functions}. */
  readonly function_index: number;
  readonly at_ms: number;
  readonly duration_ms: number;
}

export class PlannedWork {
  readonly #functions = new Map<string, number>();
  readonly #function = new NumberList();
  readonly #at_ms = new NumberList();
  readonly #duration_ms = new NumberList();

  add(name: string, at_ms: number, duration_ms: number): void {
    const known = this.#functions.get(name);
    if (known === undefined) this.#functions.set(name, this.#functions.size);
    this.#function.push(known ?? this.#functions.size - 1);
    this.#at_ms.push(at_ms);
    this.#duration_ms.push(duration_ms);
  }

  get length(): number {
    return this.#at_ms.length;
  }

  get functions(): readonly string[] {
    return [...this.#functions.keys()];
  }

  /** Every call, by its time of arrival. */
  forEach(visit: (call: PlannedCall) => void): void {
    for (const row of orderOf(this.#at_ms.values())) {
      visit({
        function_index: this.#function.at(row),
        at_ms: this.#at_ms.at(row),
        duration_ms: this.#duration_ms.at(row),
      });
    }
  }

  /** Calls `visit` with the number of calls running as planned, at every change, by time. */
  forEachRunning(visit: (at_ms: number, running: number) => void): void {
    const starts = this.#at_ms.values().toSorted();
    const ends = this.#at_ms
      .values()
      .map((at_ms, row) => at_ms + this.#duration_ms.at(row))
      .toSorted();
    let running = 0;
    let ended = 0;
    for (const at_ms of starts) {
      while (ended < ends.length && (ends[ended] ?? 0) < at_ms) {
        running -= 1;
        visit(ends[ended] ?? 0, running);
        ended += 1;
      }
      running += 1;
      visit(at_ms, running);
    }
    for (; ended < ends.length; ended += 1) visit(ends[ended] ?? 0, (running -= 1));
  }
}
