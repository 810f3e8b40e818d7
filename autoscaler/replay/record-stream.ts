/**
 * The agent's Watch stream, from before the first deploy. Records are kept until the run's start is
 * known, since every line tells its time since then; after that they are written as they come.
 */
import { REPLAY_LIMITS } from './limits.ts';
import type { AgentApi, AgentRecord } from './agent-api.ts';

export class RecordStream {
  readonly #stop: AbortSignal;
  readonly #reading: Promise<void>;
  readonly #lost = new AbortController();
  #early: AgentRecord[] = [];
  #write: ((record: AgentRecord) => void) | null = null;

  /** Resolves when nothing that happens from now on is missed. `stop` ends the stream. */
  static async open(agent: AgentApi, stop: AbortSignal): Promise<RecordStream> {
    const memory_interval_ms = REPLAY_LIMITS.memory_interval_ms;
    const records = ['operation', 'memory', 'decision', 'event'] as const;
    const told = await agent.watch({ memory_interval_ms, records, signal: stop });
    return new RecordStream(told, stop);
  }

  private constructor(records: AsyncIterable<AgentRecord>, stop: AbortSignal) {
    this.#stop = stop;
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
    try {
      for await (const record of records) {
        if (this.#write) this.#write(record);
        else this.#early.push(record);
      }
      if (!this.#stop.aborted) this.#lost.abort(new Error('the agent ended the Watch stream'));
    } catch (error) {
      if (!this.#stop.aborted) this.#lost.abort(error);
    }
  }
}
