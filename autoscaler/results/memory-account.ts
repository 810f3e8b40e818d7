/**
 * Memory over time, integrated exactly at its changes, in all and in equal parts of the window.
 * What changes and changes back at one moment is no change: the sum depends on the levels alone,
 * to its last bit, and not on how somebody told of them.
 */
import { GIB } from '../../base/units.ts';

/** Parts of the window, for intervals of confidence and for a plot. */
const BLOCKS = 100;

export class MemoryAccount {
  readonly #block_ms: number;
  readonly #window_ms: number;
  readonly #blocks = new Float64Array(BLOCKS);
  #bytes = 0;
  /** What there was from `#since_ms` to `#changed_ms`. */
  #level_bytes = 0;
  #since_ms = 0;
  #changed_ms = 0;
  #peak_bytes = 0;

  constructor(window_ms: number) {
    this.#window_ms = window_ms;
    this.#block_ms = window_ms / BLOCKS;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get peak_bytes(): number {
    return this.#peak_bytes;
  }

  /** From `now_ms` on there are so many more, or fewer. */
  add(now_ms: number, bytes: number): void {
    if (now_ms > this.#changed_ms) this.#pass(now_ms);
    this.#bytes += bytes;
    if (this.#bytes > this.#peak_bytes) this.#peak_bytes = this.#bytes;
  }

  /** GiB·s of each part of the window. Ends the account. */
  finish(): Float64Array {
    this.#pass(Math.max(this.#window_ms, this.#changed_ms));
    this.#settle(this.#window_ms);
    return this.#blocks.map((byte_ms) => byte_ms / GIB / 1000);
  }

  /** Of the moment before nothing more will be told. */
  #pass(now_ms: number): void {
    if (this.#bytes !== this.#level_bytes) {
      this.#settle(this.#changed_ms);
      this.#level_bytes = this.#bytes;
    }
    this.#changed_ms = now_ms;
  }

  #settle(now_ms: number): void {
    const end_ms = Math.min(now_ms, this.#window_ms);
    let from_ms = this.#since_ms;
    if (end_ms <= from_ms) return;
    this.#since_ms = end_ms;
    if (this.#level_bytes === 0) return;
    let block = Math.min(BLOCKS - 1, Math.floor(from_ms / this.#block_ms));
    for (; from_ms < end_ms; block += 1) {
      const is_last = block >= BLOCKS - 1;
      const to_ms = is_last ? end_ms : Math.min(end_ms, (block + 1) * this.#block_ms);
      // The end of a part may be rounded to where the one before it has ended.
      if (to_ms <= from_ms) continue;
      this.#blocks[block] = (this.#blocks[block] ?? 0) + this.#level_bytes * (to_ms - from_ms);
      from_ms = to_ms;
    }
  }
}
