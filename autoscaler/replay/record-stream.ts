/**
 * The agent's Watch stream, from before the first deploy. Records are kept until the run's start is
 * known, since every line tells its time since then; after that they are written as they come.
 */
import { REPLAY_LIMITS } from './limits.ts';
import type { RecordKind } from '../../agent/model/records.ts';
import type { AgentApi, AgentRecord } from './agent-api.ts';

type Watched = Pick<AgentApi, 'watch'>;

export class RecordStream {
  readonly #agent: Watched;
  readonly #stop: AbortSignal;
  readonly #replacement: () => Promise<unknown> | null;
  readonly #kinds: readonly RecordKind[];
  readonly #reading: Promise<void>;
  readonly #lost = new AbortController();
  #early: AgentRecord[] = [];
  #write: ((record: AgentRecord) => void) | null = null;

  /**
   * Resolves when nothing that happens from now on is missed. `stop` ends the stream. Where the
   * agent is being replaced on purpose, as `replacement` tells, its successor is listened to.
   */
  static async open(
    agent: Watched,
    stop: AbortSignal,
    replacement: () => Promise<unknown> | null = () => null,
    kinds: readonly RecordKind[] = ALL_KINDS,
  ): Promise<RecordStream> {
    return new RecordStream(await watch(agent, stop, kinds), agent, stop, replacement, kinds);
  }

  private constructor(
    records: AsyncIterable<AgentRecord>,
    agent: Watched,
    stop: AbortSignal,
    replacement: () => Promise<unknown> | null,
    kinds: readonly RecordKind[],
  ) {
    this.#agent = agent;
    this.#stop = stop;
    this.#replacement = replacement;
    this.#kinds = kinds;
    this.#reading = this.#read(records);
  }

  /** Aborted, with the reason, when the stream ends before it was told to. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** From now on records are written; those that came before are written first. Once only. */
  startWriting(write: (record: AgentRecord) => void): void {
    if (this.#write) return;
    this.#write = write;
    for (const record of this.#early) write(record);
    this.#early = [];
  }

  throwIfLost(): void {
    this.#lost.signal.throwIfAborted();
  }

  /** Resolves when the stream has ended, for whatever reason. */
  async done(): Promise<void> {
    await this.#reading;
  }

  async #read(records: AsyncIterable<AgentRecord>): Promise<void> {
    let told: AsyncIterable<AgentRecord> | null = records;
    let followed: Promise<unknown> | null = null;
    while (told) {
      const reason = await this.#readOne(told);
      const replacement = this.#replacement();
      told = null;
      if (this.#stop.aborted) return;
      // Each replacement explains one end.
      if (replacement === null || replacement === followed) return this.#lost.abort(reason);
      followed = replacement;
      try {
        await replacement;
        told = await watch(this.#agent, this.#stop, this.#kinds);
      } catch (error) {
        if (!this.#stop.aborted) this.#lost.abort(error);
      }
    }
  }

  /** Why it ended. */
  async #readOne(records: AsyncIterable<AgentRecord>): Promise<unknown> {
    try {
      for await (const record of records) {
        if (this.#write) this.#write(record);
        else this.#early.push(record);
      }
      return new Error('the agent ended the Watch stream');
    } catch (error) {
      return error;
    }
  }
}

/** What a replay keeps. */
const ALL_KINDS = ['operation', 'memory', 'decision', 'event'] as const;

async function watch(
  agent: Watched,
  signal: AbortSignal,
  records: readonly RecordKind[],
): Promise<AsyncIterable<AgentRecord>> {
  const memory_interval_ms = REPLAY_LIMITS.memory_interval_ms;
  return await agent.watch({ memory_interval_ms, records, signal });
}
