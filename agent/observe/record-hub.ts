/** Hands records to subscribers. Each has a buffer of its own; one that is too slow is dropped. */
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { AgentRecord } from '../model/messages.ts';

export interface Subscription extends AsyncIterable<AgentRecord> {
  readonly memory_interval_ms: number;
  close(): void;
}

class Subscriber implements Subscription {
  readonly memory_interval_ms: number;
  readonly #onClose: (subscriber: Subscriber) => void;
  #buffer: AgentRecord[] = [];
  #ending: HotplaneError | 'closed' | null = null;
  #wake = Promise.withResolvers<void>();

  constructor(memory_interval_ms: number, onClose: (subscriber: Subscriber) => void) {
    this.memory_interval_ms = memory_interval_ms;
    this.#onClose = onClose;
  }

  push(record: AgentRecord): void {
    if (this.#ending) return;
    this.#buffer.push(record);
    if (this.#buffer.length > LIMITS.watch_buffer_records) {
      this.#buffer = [];
      this.#end(slowReader());
    }
    this.#wake.resolve();
  }

  close(): void {
    this.#end('closed');
  }

  #end(reason: HotplaneError | 'closed'): void {
    this.#ending ??= reason;
    this.#wake.resolve();
    this.#onClose(this);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<AgentRecord> {
    for (;;) {
      const records = this.#buffer;
      this.#buffer = [];
      yield* records;
      if (this.#buffer.length > 0) continue;
      if (this.#ending === 'closed') return;
      if (this.#ending) throw this.#ending;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
  }
}

export class RecordHub {
  readonly #subscribers = new Set<Subscriber>();

  /** Every record from now on. Throws HP_AGENT_TOO_MANY_WATCHERS. */
  subscribe(memory_interval_ms: number): Subscription {
    if (this.#subscribers.size >= LIMITS.watchers) throw tooManyWatchers();
    const asked_ms = memory_interval_ms || LIMITS.memory_interval_ms;
    const interval_ms = Math.max(asked_ms, LIMITS.memory_interval_ms_min);
    const subscriber = new Subscriber(interval_ms, (one) => this.#subscribers.delete(one));
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  /** Whether there is anybody to look for. */
  get isWatched(): boolean {
    return this.#subscribers.size > 0;
  }

  publish(record: AgentRecord): void {
    for (const subscriber of this.#subscribers) subscriber.push(record);
  }

  /** The shortest interval any subscriber asked for; null when nobody listens. */
  intervalMs(): number | null {
    let shortest: number | null = null;
    for (const { memory_interval_ms } of this.#subscribers) {
      shortest = Math.min(shortest ?? memory_interval_ms, memory_interval_ms);
    }
    return shortest;
  }

  close(): void {
    for (const subscriber of this.#subscribers) subscriber.close();
  }
}

function slowReader(): HotplaneError {
  return new HotplaneError({
    code: 'HP_AGENT_SLOW_READER',
    category: 'failure',
    message: `the watcher fell ${LIMITS.watch_buffer_records} records behind and was dropped.`,
    next: 'read faster, or ask for a longer memory_interval_ms; records in between are lost.',
  });
}

function tooManyWatchers(): HotplaneError {
  return new HotplaneError({
    code: 'HP_AGENT_TOO_MANY_WATCHERS',
    category: 'unavailable',
    message: `${LIMITS.watchers} watchers are connected already.`,
    next: 'end one of them first.',
  });
}
