/**
 * What a guest with `hotmem=DEVICE/N` makes of a device (drivers/virtio/virtio_mem_hotmem.c of the
 * series): partitions of equal size, plugged from the first to the last. Given back are those that
 * nobody uses, the last one first; then, where less than all of one is wanted, what is free at the
 * end of those in use. Pages are there once a process lived in a partition, until it is given back.
 */
export class Partitions {
  readonly bytes: number;
  readonly #parts: { plugged_bytes: number; touched: boolean }[];

  constructor(count: number, device_bytes: number) {
    this.bytes = device_bytes / count;
    this.#parts = Array.from({ length: count }, () => ({ plugged_bytes: 0, touched: false }));
  }

  get plugged_bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.plugged_bytes, 0);
  }

  /** Of each, whether something of it is there. */
  get plugged(): readonly boolean[] {
    return this.#parts.map(({ plugged_bytes }) => plugged_bytes > 0);
  }

  /** What the host holds of each: of a partition that was used an eighth. */
  get resident_bytes(): readonly number[] {
    return this.#parts.map(({ plugged_bytes, touched }) =>
      plugged_bytes > 0 && touched ? this.bytes / TOUCHED_ONE_IN : 0,
    );
  }

  /** Processes live in these now. */
  use(used: readonly number[]): void {
    for (const index of used) {
      const part = this.#parts[index];
      if (part && part.plugged_bytes > 0) part.touched = true;
    }
  }

  /** One request towards the target, as the driver makes them; false: nothing can be done. */
  step(target_bytes: number, used: readonly number[]): boolean {
    const diff_bytes = target_bytes - this.plugged_bytes;
    if (diff_bytes > 0) {
      const next = this.#parts.find(({ plugged_bytes }) => plugged_bytes < this.bytes);
      if (next) next.plugged_bytes = Math.min(this.bytes, next.plugged_bytes + diff_bytes);
      return next !== undefined;
    }
    return this.#unplug(-diff_bytes, used);
  }

  #unplug(diff_bytes: number, used: readonly number[]): boolean {
    const can = (at: number): number => {
      const { plugged_bytes = 0, touched = false } = this.#parts[at] ?? {};
      const wanted_bytes = Math.min(diff_bytes, plugged_bytes);
      if (!used.includes(at)) return wanted_bytes;
      // Who wants all of it waits until it is idle.
      if (wanted_bytes === plugged_bytes) return 0;
      const held_bytes = touched ? this.bytes / TOUCHED_ONE_IN : 0;
      return Math.min(wanted_bytes, plugged_bytes - held_bytes);
    };
    const last = this.#parts.map((_, at) => at).toReversed();
    const idle = last.filter((at) => !used.includes(at));
    const at = [...idle, ...last].find((one) => can(one) > 0);
    const part = at === undefined ? undefined : this.#parts[at];
    if (at === undefined || !part) return false;
    part.plugged_bytes -= can(at);
    if (part.plugged_bytes === 0) part.touched = false;
    return true;
  }

  /** The guest reset: it gives everything back. */
  clear(): void {
    for (const part of this.#parts) Object.assign(part, { plugged_bytes: 0, touched: false });
  }
}

const TOUCHED_ONE_IN = 8;

/** N of `hotmem=all/N` on a kernel command line; 1 without. */
export function partitionsIn(cmdline: string): number {
  return Number(/(?:^| )hotmem=all\/(\d+)(?: |$)/.exec(cmdline)?.[1] ?? 1);
}
