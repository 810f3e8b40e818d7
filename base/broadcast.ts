/** Hands events to any number of readers, each with a bounded queue of its own. */
import { assert } from './assert.ts';

/** What becomes of a reader that does not read when its queue is full. */
export type Overflow =
  /** It loses the oldest events, which are counted, and reads on. */
  | 'drop-oldest'
  /** It loses all that is queued and ends with this error. */
  | { readonly endWith: () => Error };

export interface QueueOptions {
  /** Events that one reader has not read yet. */
  readonly limit: number;
  readonly overflow: Overflow;
}

/** The events of one reader, in order, until the end or an abort. */
export class EventQueue<T> implements AsyncIterableIterator<T, void, undefined> {
  readonly #options: QueueOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (queue: EventQueue<T>) => void;
  #events: T[] = [];
  #dropped = 0;
  #ending: { readonly error: Error | null } | null = null;
  #bell = Promise.withResolvers<void>();

  /** `onEnd`: called once when no more is taken in, whatever the reason. */
  constructor(options: QueueOptions, onEnd: (queue: EventQueue<T>) => void, signal?: AbortSignal) {
    assert(options.limit > 0, 'a queue holds at least one event');
    this.#options = options;
    this.#onEnd = onEnd;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (signal?.aborted) this.#abort();
  }

  /** Events that this reader lost. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Events that it has not read. */
  get queued(): number {
    return this.#events.length;
  }

  /** Nothing more is taken in; events may still be queued. */
  get isOver(): boolean {
    return this.#ending !== null;
  }

  /** After the end it does nothing. */
  push(event: T): void {
    if (this.#ending) return;
    this.#events.push(event);
    if (this.#events.length > this.#options.limit) this.#overflow();
    this.#ring();
  }

  /** No more events: what is queued is still read. Idempotent. */
  end(error: Error | null = null): void {
    if (this.#ending) return;
    this.#ending = { error };
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#onEnd(this);
    this.#ring();
  }

  /** The next event; rejects with the error of the end, once all events are read. */
  async next(): Promise<IteratorResult<T, void>> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.#ending?.error) throw this.#ending.error;
      if (this.#ending) return { done: true, value: undefined };
      await this.#bell.promise;
    }
  }

  /** Nothing more is wanted, not even what is queued. */
  return(): Promise<IteratorResult<T, void>> {
    this.#abort();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #abort = (): void => {
    this.#events = [];
    this.end();
  };

  #overflow(): void {
    const { overflow } = this.#options;
    if (overflow === 'drop-oldest') {
      this.#events.shift();
      this.#dropped += 1;
      return;
    }
    this.#events = [];
    this.end(overflow.endWith());
  }

  #ring(): void {
    this.#bell.resolve();
    this.#bell = Promise.withResolvers();
  }
}

export class Broadcast<T> {
  readonly #options: QueueOptions;
  readonly #readers = new Set<EventQueue<T>>();
  #is_over = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Who reads now. */
  get readers(): number {
    return this.#readers.size;
  }

  /** What the slowest of them has not read. */
  get behind(): number {
    let most = 0;
    for (const { queued } of this.#readers) most = Math.max(most, queued);
    return most;
  }

  emit(event: T): void {
    for (const reader of this.#readers) reader.push(event);
  }

  /** No more events: readers get what is queued, then their loop ends. Idempotent. */
  end(): void {
    this.#is_over = true;
    for (const reader of this.#readers) reader.end();
  }

  /** Events from this call on (not from the first read on), until the end or an abort. */
  read(signal?: AbortSignal): EventQueue<T> {
    const reader = new EventQueue<T>(this.#options, (one) => this.#readers.delete(one), signal);
    if (this.#is_over) reader.end();
    if (!reader.isOver) this.#readers.add(reader);
    return reader;
  }
}
