/**
 * What giving memory back costs besides its time: in one VM one region moves after the other, and
 * meanwhile what runs there makes slower progress. Pure.
 */

/** What holds an invocation up for less does not count. */
const SHORTEST_MS = 0.001;

export class SlowReclaim {
  /** Of a neighbour's progress, what is lost while a region is given back: 1 - 1 / slowdown. */
  readonly #lost: number;
  /* by function: when its last region is gone, and how long regions were given back in all */
  readonly #busy_until_ms: Float64Array;
  readonly #planned_ms: Float64Array;
  /** By slot: of that time, what was there when its invocation was last looked at. */
  readonly #seen_ms: number[] = [];

  constructor(functions: number, slowdown: number) {
    this.#lost = 1 - 1 / slowdown;
    this.#busy_until_ms = new Float64Array(functions);
    this.#planned_ms = new Float64Array(functions);
  }

  /** When the region is gone that can go from `from_ms` on and takes `took_ms`. */
  queue(fn: number, from_ms: number, took_ms: number): number {
    const end_ms = Math.max(from_ms, this.#busy_until_ms[fn] ?? 0) + took_ms;
    this.#busy_until_ms[fn] = end_ms;
    this.#planned_ms[fn] = (this.#planned_ms[fn] ?? 0) + took_ms;
    return end_ms;
  }

  /** An invocation begins in the slot. */
  begin(fn: number, slot: number, now_ms: number): void {
    this.#seen_ms[slot] = this.#reclaimedMs(fn, now_ms);
  }

  /** How much longer its invocation needs, for what was given back since the last look. */
  more(fn: number, slot: number, now_ms: number): number {
    const reclaimed_ms = this.#reclaimedMs(fn, now_ms);
    const since_ms = reclaimed_ms - (this.#seen_ms[slot] ?? reclaimed_ms);
    this.#seen_ms[slot] = reclaimed_ms;
    const more_ms = since_ms * this.#lost;
    return more_ms < SHORTEST_MS ? 0 : more_ms;
  }

  /** How long regions of the function's VM were being given back until now. */
  #reclaimedMs(fn: number, now_ms: number): number {
    const ahead_ms = Math.max(0, (this.#busy_until_ms[fn] ?? 0) - now_ms);
    return Math.max(0, (this.#planned_ms[fn] ?? 0) - ahead_ms);
  }
}
