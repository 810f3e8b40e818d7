/**
 * Hands records to subscribers, to each the kinds that it asked for. Each has a buffer of its own;
 * one that is too slow is dropped.
 */
import { EventQueue, type QueueOptions } from '../../base/broadcast.ts';
import { AGENT_LIMITS } from '../limits.ts';
import {
  type AgentRecord,
  RECORD_KINDS,
  type RecordKind,
  type ToldEvent,
} from '../model/records.ts';
import { OperationLog } from './operation-log.ts';
import { slowReader, tooManyWatchers } from './reader-errors.ts';

export interface Wanted {
  /** Longest time between two memory records of a VM; null: the usual. */
  readonly memory_interval_ms: number | null;
  /** Empty: all of them but `event`, which somebody must ask for. */
  readonly records: readonly RecordKind[];
}

export interface Subscription extends AsyncIterable<AgentRecord> {
  readonly memory_interval_ms: number;
  close(): void;
}

const WATCHERS: QueueOptions = {
  limit: AGENT_LIMITS.watch_buffer_records,
  overflow: { endWith: () => slowReader(AGENT_LIMITS.watch_buffer_records, 'records') },
};

/** Of those who name none. */
const USUAL = RECORD_KINDS.filter((kind) => kind !== 'event');

class Subscriber implements Subscription {
  readonly memory_interval_ms: number;
  readonly #kinds: ReadonlySet<RecordKind>;
  readonly #records: EventQueue<AgentRecord>;

  constructor({ memory_interval_ms, records }: Wanted, onClose: (one: Subscriber) => void) {
    const asked_ms = memory_interval_ms ?? AGENT_LIMITS.memory_interval_ms;
    this.memory_interval_ms = Math.max(asked_ms, AGENT_LIMITS.memory_interval_ms_min);
    this.#kinds = new Set(records.length === 0 ? USUAL : records);
    this.#records = new EventQueue(WATCHERS, () => onClose(this));
  }

  wants(kind: RecordKind): boolean {
    return this.#kinds.has(kind);
  }

  push(record: AgentRecord): void {
    this.#records.push(record);
  }

  close(): void {
    this.#records.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<AgentRecord> {
    return this.#records;
  }
}

/** Is told of a record at once, in the agent's own turn: it must neither wait nor throw. */
export type RecordListener = <Kind extends RecordKind>(
  kind: Kind,
  record: NonNullable<AgentRecord[Kind]>,
) => void;

/** Wants records, whoever reads them. */
type Wanting = Pick<Subscriber, 'memory_interval_ms' | 'wants'>;

export class RecordHub {
  readonly #subscribers = new Set<Subscriber>();
  readonly #listeners: RecordListener[] = [];
  /** All subscribers, and what was wanted for listeners. */
  readonly #wanting = new Set<Wanting>();
  /** Those that ended last, for who asks later. */
  readonly operations: OperationLog;

  /** `generation`: which agent of its state this is. */
  constructor(generation = 0) {
    this.operations = new OperationLog(generation);
  }

  /** Every record that is made, from now on; those of kinds nobody subscribed to may not be. */
  listen(listener: RecordListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Every record of these kinds from now on; those who want events are first told from where they
   * go on. Throws HP_AGENT_TOO_MANY_WATCHERS.
   */
  subscribe(wanted: Wanted, beginning?: () => ToldEvent): Subscription {
    if (this.#subscribers.size >= AGENT_LIMITS.watchers) throw tooManyWatchers();
    const subscriber = new Subscriber(wanted, (one) => {
      this.#subscribers.delete(one);
      this.#wanting.delete(one);
    });
    this.#subscribers.add(subscriber);
    this.#wanting.add(subscriber);
    if (beginning && subscriber.wants('event')) subscriber.push({ event: beginning() });
    return subscriber;
  }

  /** Has memory records made for listeners, until the function returned is called. */
  wantMemory(memory_interval_ms: number): () => void {
    const wanting: Wanting = { memory_interval_ms, wants: (kind) => kind === 'memory' };
    this.#wanting.add(wanting);
    return () => void this.#wanting.delete(wanting);
  }

  /** Whether anybody gets such records: what nobody gets need not be made. */
  isWatched(kind: RecordKind): boolean {
    for (const one of this.#wanting) if (one.wants(kind)) return true;
    return false;
  }

  publish<Kind extends RecordKind>(kind: Kind, record: NonNullable<AgentRecord[Kind]>): void {
    const { operation }: AgentRecord = { [kind]: record };
    if (operation) this.operations.add(operation);
    for (const listener of this.#listeners) listener(kind, record);
    for (const one of this.#subscribers) if (one.wants(kind)) one.push({ [kind]: record });
  }

  /** The shortest interval asked for by those who want memory records; null when nobody does. */
  intervalMs(): number | null {
    let shortest: number | null = null;
    for (const one of this.#wanting) {
      if (!one.wants('memory')) continue;
      const { memory_interval_ms } = one;
      shortest = Math.min(shortest ?? memory_interval_ms, memory_interval_ms);
    }
    return shortest;
  }

  close(): void {
    for (const subscriber of this.#subscribers) subscriber.close();
    this.operations.close();
  }
}
