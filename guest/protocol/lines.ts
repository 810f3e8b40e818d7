/** Cuts a byte stream into lines, with a limit on the length of one. */
export type LineEvent =
  | { readonly type: 'line'; readonly text: string }
  | { readonly type: 'too-long'; readonly bytes: number };

export class LineSplitter {
  readonly #limit_bytes: number;
  #chunks: Buffer[] = [];
  #held_bytes = 0;

  constructor(limit_bytes: number) {
    this.#limit_bytes = limit_bytes;
  }

  /** Complete lines in `chunk` and what was held back; after `too-long` the stream is lost. */
  push(chunk: Buffer): LineEvent[] {
    const events: LineEvent[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const event = this.#hold(chunk.subarray(start, end));
      if (event) return [...events, event];
      events.push({ type: 'line', text: Buffer.concat(this.#chunks).toString('utf8') });
      this.#chunks = [];
      this.#held_bytes = 0;
      start = end + 1;
    }
    const event = this.#hold(chunk.subarray(start));
    return event ? [...events, event] : events;
  }

  #hold(part: Buffer): LineEvent | null {
    this.#held_bytes += part.length;
    if (this.#held_bytes > this.#limit_bytes) return { type: 'too-long', bytes: this.#held_bytes };
    if (part.length > 0) this.#chunks.push(part);
    return null;
  }
}
