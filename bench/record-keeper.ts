/** Keeps what the agent tells while a bench runs. */
import type { AgentClient } from '../agent/api/client.ts';
import type { MemoryStep, Operation, RecordKind } from '../agent/model/records.ts';

/** Between two looks of the agent at the host's memory (ms). */
const LOOK_MS = 200;

export class RecordKeeper {
  readonly operations: Operation[] = [];
  readonly steps: MemoryStep[] = [];
  readonly #stop = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  /** Nothing that happens after it is missed, of the kinds that are kept. */
  async open(
    api: Pick<AgentClient, 'watch'>,
    records: readonly Extract<RecordKind, 'operation' | 'memory'>[] = ['operation', 'memory'],
  ): Promise<void> {
    const { signal } = this.#stop;
    const told = await api.watch({ memory_interval_ms: LOOK_MS, records, signal });
    this.#reading = (async () => {
      for await (const { operation, memory } of told) {
        if (operation) this.operations.push(operation);
        if (memory) this.steps.push(memory);
      }
    })();
    // Who waits for nothing of it would else be told of its end by the process.
    this.#reading.catch(() => undefined);
  }

  stepsOf(function_name: string): MemoryStep[] {
    return this.steps.filter((step) => step.function === function_name);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }
}
