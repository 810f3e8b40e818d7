import { vmmError } from './errors.ts';

/**
 * Cuts a byte stream into lines (`\n`, an `\r` before it dropped). A line longer than the limit
 * throws HP_QMP_PROTOCOL, so a peer that never ends its line cannot fill the memory.
 */
export class LineSplitter {
  readonly #limit_bytes: number;
  #parts: Buffer[] = [];
  #held_bytes = 0;

  constructor(limit_bytes: number) {
    this.#limit_bytes = limit_bytes;
  }

  /** Takes a chunk, returns the lines it completed. Empty lines are skipped. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, from);
      const part = chunk.subarray(from, end === -1 ? undefined : end);
      this.#held_bytes += part.length;
      if (this.#held_bytes > this.#limit_bytes) {
        throw vmmError('HP_QMP_PROTOCOL', `A line is longer than ${this.#limit_bytes} bytes.`);
      }
      this.#parts.push(part);
      if (end === -1) return lines;
      const line = Buffer.concat(this.#parts).toString('utf8').trimEnd();
      this.#parts = [];
      this.#held_bytes = 0;
      from = end + 1;
      if (line !== '') lines.push(line);
    }
  }
}
