import { EventEmitter, once } from 'node:events';
import { LIMITS } from '../base/limits.ts';

interface Reader<T> {
  readonly queue: T[];
  readonly bell: EventEmitter;
  dropped: number;
}

/**
 * Hands events to any number of readers, each with a bounded queue of its own: a reader that does
 * not read loses the oldest events and holds nobody up.
 */
export class EventHub<T> {
  readonly #readers = new Set<Reader<T>>();
  readonly #limit: number;
  #ended = false;

  constructor(limit: number = LIMITS.vmm_events_queued) {
    this.#limit = limit;
  }

  emit(event: T): void {
    for (const reader of this.#readers) {
      reader.queue.push(event);
      if (reader.queue.length > this.#limit) {
        reader.queue.shift();
        reader.dropped += 1;
      }
      reader.bell.emit('ring');
    }
  }

  /** No more events: readers get what is queued, then their loop ends. Idempotent. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.bell.emit('ring');
  }

  /** Events from this call on (not from the first read on), until the end or an abort. */
  read(signal?: AbortSignal): AsyncIterableIterator<T> {
    const reader: Reader<T> = { queue: [], bell: new EventEmitter(), dropped: 0 };
    this.#readers.add(reader);
    return this.#drain(reader, signal);
  }

  async *#drain(reader: Reader<T>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
    const ring = () => reader.bell.emit('ring');
    signal?.addEventListener('abort', ring, { once: true });
    try {
      for (;;) {
        if (signal?.aborted) return;
        const event = reader.queue.shift();
        if (event !== undefined) yield event;
        else if (this.#ended) return;
        else await once(reader.bell, 'ring');
      }
    } finally {
      signal?.removeEventListener('abort', ring);
      this.#readers.delete(reader);
    }
  }
}
