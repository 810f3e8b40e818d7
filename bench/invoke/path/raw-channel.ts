/** A guest's channel with nothing above it: what any call through it takes at least. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { hostClock } from '../../../base/clock.ts';
import { LIMITS } from '../../../base/limits.ts';
import { LineSplitter } from '../../../base/lines.ts';
import { observedTimer } from '../../../base/observed-timer.ts';
import { joinLine } from '../../../guest/protocol/attached-bytes.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { callFailed } from '../../errors.ts';
import { BENCH_LIMITS } from '../../limits.ts';

/** Of no request: a guest drops what belongs to none. */
const NOBODY = 2 ** 31;

export class RawChannel {
  readonly #stream: Duplex;
  #next_id = 1;
  #awaited: { readonly text: string; readonly resolve: () => void } | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const lines = new LineSplitter({
      limit_bytes: PROTOCOL.line_bytes,
      onBytes: (line) => {
        if (this.#awaited && line.includes(this.#awaited.text)) this.#awaited.resolve();
      },
      onTooLong: () => undefined,
    });
    stream.on('data', (chunk: Buffer) => lines.push(chunk)).on('error', () => undefined);
  }

  /** Until the guest is there. Throws HP_BENCH_CALL. */
  async greeted(): Promise<void> {
    await this.#until('"hello"', LIMITS.guest_hello_ms);
  }

  /** The time of one round trip (ms). Throws HP_BENCH_CALL. */
  async ping(): Promise<number> {
    const from_ms = hostClock.nowMs();
    await this.#asked();
    return hostClock.nowMs() - from_ms;
  }

  /** The time until a guest has read so many bytes and dropped them (ms). Throws HP_BENCH_CALL. */
  async sent(bytes: Uint8Array): Promise<number> {
    const from_ms = hostClock.nowMs();
    const head = JSON.stringify({ type: 'chunk', of: NOBODY });
    for (let at = 0; at < bytes.length; at += PROTOCOL.payload_chunk_bytes) {
      const line = joinLine(head, bytes.subarray(at, at + PROTOCOL.payload_chunk_bytes));
      if (!this.#stream.write(line)) await once(this.#stream, 'drain');
    }
    await this.#asked();
    return hostClock.nowMs() - from_ms;
  }

  async #asked(): Promise<void> {
    const id = this.#next_id;
    this.#next_id += 1;
    const answered = this.#until(`"id":${id},`, BENCH_LIMITS.work_ms);
    this.#stream.write(`${JSON.stringify({ id, type: 'ping' })}\n`);
    await answered;
  }

  async #until(text: string, deadline_ms: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const callOff = observedTimer(hostClock, deadline_ms, () => {
      reject(callFailed(`the raw channel told no ${text} within ${deadline_ms} ms`));
    });
    this.#awaited = { text, resolve };
    try {
      await promise;
    } finally {
      callOff();
      this.#awaited = null;
    }
  }
}
