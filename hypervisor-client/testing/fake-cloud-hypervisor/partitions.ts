/**
 * What a guest with `hotmem=DEVICE/N` makes of a device: partitions of equal size, plugged from the
 * first to the last, given back from the last to the first as far as nobody uses them. Pages are
 * there once a process lived in a partition, until it is given back.
 */
export class Partitions {
  readonly bytes: number;
  readonly #parts: { plugged: boolean; touched: boolean }[];

  constructor(count: number, device_bytes: number) {
    this.bytes = device_bytes / count;
    this.#parts = Array.from({ length: count }, () => ({ plugged: false, touched: false }));
  }

  get plugged_bytes(): number {
    return this.#parts.filter(({ plugged }) => plugged).length * this.bytes;
  }

  /** Of each partition. */
  get plugged(): readonly boolean[] {
    return this.#parts.map(({ plugged }) => plugged);
  }

  /** What the host holds of each. */
  get resident_bytes(): readonly number[] {
    return this.#parts.map(({ plugged, touched }) => (plugged && touched ? this.bytes : 0));
  }

  /** Processes live in these now. */
  use(used: readonly number[]): void {
    for (const index of used) {
      const part = this.#parts[index];
      if (part?.plugged) part.touched = true;
    }
  }

  /** One request towards the target, as the driver makes them; false: nothing can be done. */
  step(target_bytes: number, used: readonly number[]): boolean {
    if (this.plugged_bytes < target_bytes) {
      const next = this.#parts.find(({ plugged }) => !plugged);
      if (next) next.plugged = true;
      return next !== undefined;
    }
    const index = this.#parts.findLastIndex(({ plugged }, at) => plugged && !used.includes(at));
    const last = this.#parts[index];
    if (last) Object.assign(last, { plugged: false, touched: false });
    return last !== undefined;
  }

  /** The guest reset: it gives everything back. */
  clear(): void {
    for (const part of this.#parts) Object.assign(part, { plugged: false, touched: false });
  }
}

/** N of `hotmem=all/N` on a kernel command line; 1 without. */
export function partitionsIn(cmdline: string): number {
  return Number(/(?:^| )hotmem=all\/(\d+)(?: |$)/.exec(cmdline)?.[1] ?? 1);
}
