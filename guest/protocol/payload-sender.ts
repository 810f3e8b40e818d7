/**
 * Payloads on their way to the guest, in chunks between the other lines. Two bounds: no more of a
 * payload is under way than its receiver has room for (credit), and a chunk is written only when
 * the stream took the ones before, so that a control line waits for little.
 */
import { PROTOCOL } from './constants.ts';
import { joinLine } from './attached-bytes.ts';

interface Outgoing {
  readonly bytes: Uint8Array;
  sent: number;
  /** Bytes that the receiver has room for. */
  credit: number;
}

export class PayloadSender {
  readonly #write: (line: Buffer) => boolean;
  readonly #outgoing = new Map<number, Outgoing>();
  #is_full = false;

  /** `write` answers whether the stream takes more now; `drained` is called when it does again. */
  constructor(write: (line: Buffer) => boolean) {
    this.#write = write;
  }

  /** What goes with the request itself; the rest follows when `follow` is called. */
  static first(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, PROTOCOL.payload_chunk_bytes);
  }

  /** Whether all of it goes with the request, as that of most calls does. */
  static isWhole(bytes: Uint8Array): boolean {
    return bytes.length <= PROTOCOL.payload_chunk_bytes;
  }

  /** Sends what did not go with request `id`, as far as there is credit. */
  follow(id: number, bytes: Uint8Array): void {
    const sent = PayloadSender.first(bytes).length;
    if (sent === bytes.length) return;
    this.#outgoing.set(id, { bytes, sent, credit: PROTOCOL.payload_window_bytes - sent });
    this.#pump();
  }

  /** The receiver of `id` took so many bytes. */
  credit(id: number, bytes: number): void {
    const one = this.#outgoing.get(id);
    if (!one) return;
    // Credit for what was never sent would be room that is not there.
    one.credit = Math.min(one.credit + bytes, PROTOCOL.payload_window_bytes);
    this.#pump();
  }

  /** Nobody waits for it any longer. */
  forget(id: number): void {
    this.#outgoing.delete(id);
  }

  drained(): void {
    this.#is_full = false;
    this.#pump();
  }

  /** Each payload in turn, a chunk at a time. */
  #pump(): void {
    let moved = true;
    while (moved) {
      moved = false;
      for (const [id, one] of this.#outgoing) {
        if (this.#is_full) return;
        moved = this.#chunk(id, one) || moved;
      }
    }
  }

  #chunk(id: number, one: Outgoing): boolean {
    const left = one.bytes.length - one.sent;
    const length = Math.min(PROTOCOL.payload_chunk_bytes, left);
    if (length > one.credit) return false;
    const chunk = one.bytes.subarray(one.sent, one.sent + length);
    one.sent += length;
    one.credit -= length;
    if (one.sent === one.bytes.length) this.#outgoing.delete(id);
    this.#is_full = !this.#write(joinLine(JSON.stringify({ type: 'chunk', of: id }), chunk));
    return true;
  }
}
