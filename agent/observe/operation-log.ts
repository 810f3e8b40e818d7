/**
 * The operations that ended last, each with a number that grows from agent to agent: who was cut
 * off goes on after the last one that he was told.
 */
import { Broadcast } from '../../base/broadcast.ts';
import { agentError } from '../model/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { OperationEntry } from '../model/list-messages.ts';
import type { Operation } from '../model/records.ts';
import { slowReader, tooManyWatchers } from './reader-errors.ts';

/** More than an agent has operations in its life; its numbers begin after all of the one before. */
const OF_ONE_AGENT = 1e9;

interface Ended {
  readonly sequence: number;
  readonly operation: Operation;
}

export interface OperationsWanted {
  /** The last one that is known; null: none. */
  readonly after: number | null;
  readonly wants: (operation: Operation) => boolean;
  /** Goes on with those that end from now on, until this aborts; null: only what is there. */
  readonly follow: AbortSignal | null;
}

export class OperationLog {
  readonly #first: number;
  #kept: Ended[] = [];
  #newest: number;
  readonly #readers = new Broadcast<Ended>({
    limit: AGENT_LIMITS.watch_buffer_records,
    overflow: { endWith: () => slowReader(AGENT_LIMITS.watch_buffer_records, 'operations') },
  });

  /** `generation`: which agent of its state this is. */
  constructor(generation: number) {
    this.#first = generation * OF_ONE_AGENT + 1;
    this.#newest = this.#first - 1;
  }

  add(operation: Operation): void {
    this.#newest += 1;
    const ended = { sequence: this.#newest, operation };
    this.#kept.push(ended);
    // Twice as many at most: rows are not moved with every operation.
    if (this.#kept.length >= 2 * AGENT_LIMITS.operations_kept) {
      this.#kept = this.#kept.slice(-AGENT_LIMITS.operations_kept);
    }
    this.#readers.emit(ended);
  }

  /** From this call on. Throws HP_AGENT_BAD_REQUEST, HP_AGENT_TOO_MANY_WATCHERS. */
  read({ after, wants, follow }: OperationsWanted): AsyncIterable<OperationEntry> {
    if (after !== null && after > this.#newest) {
      const message = `after: the newest operation of this agent is ${this.#newest}.`;
      const details = { field: 'after', newest: this.#newest };
      throw agentError('HP_AGENT_BAD_REQUEST', message, { details });
    }
    if (follow && this.#readers.readers >= AGENT_LIMITS.watchers) throw tooManyWatchers();
    const kept = this.#kept.slice(-AGENT_LIMITS.operations_kept);
    const news = follow && this.#readers.read(follow);
    return this.#entries(kept, news, { after, wants });
  }

  async *#entries(
    kept: readonly Ended[],
    news: AsyncIterable<Ended> | null,
    { after, wants }: Pick<OperationsWanted, 'after' | 'wants'>,
  ): AsyncGenerator<OperationEntry> {
    const is_earlier = after !== null && after < this.#first - 1;
    let told = after === null || is_earlier ? this.#first - 1 : after;
    let missed: number | null = is_earlier ? null : 0;
    const entryOf = ({ sequence, operation }: Ended): OperationEntry | null => {
      if (missed !== null) missed += sequence - told - 1;
      told = sequence;
      if (!wants(operation)) return null;
      const entry = { sequence, missed, operation };
      missed = 0;
      return entry;
    };
    for (const ended of kept) {
      const entry = ended.sequence > told ? entryOf(ended) : null;
      if (entry) yield entry;
    }
    for await (const ended of news ?? []) {
      const entry = entryOf(ended);
      if (entry) yield entry;
    }
  }

  close(): void {
    this.#readers.end();
  }
}
