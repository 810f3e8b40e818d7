/**
 * Residency of single regions for many who ask at once. Reading smaps blocks for 2 ms or more
 * beside busy vCPUs, so all who ask in one turn of the event loop share one reading, made after the
 * last of them asked.
 */
export class SharedResidency {
  readonly #read: (indices: readonly number[]) => readonly number[];
  #asked: number[] = [];
  #reading: Promise<ReadonlyMap<number, number>> | null = null;

  /** `read`: resident bytes of the regions with these indices, in their order; may throw. */
  constructor(read: (indices: readonly number[]) => readonly number[]) {
    this.#read = read;
  }

  /** Resident bytes of one region, read after this call. Rejects with what `read` throws. */
  async of(index: number): Promise<number> {
    if (!this.#asked.includes(index)) this.#asked.push(index);
    this.#reading ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const indices = this.#asked;
        this.#asked = [];
        this.#reading = null;
        try {
          const bytes = this.#read(indices);
          resolve(new Map(indices.map((one, position) => [one, bytes[position] ?? 0])));
        } catch (error) {
          reject(error);
        }
      });
    });
    return (await this.#reading).get(index) ?? 0;
  }
}
