/** Looks at the memory of all VMs now and then, while somebody watches it. */
import type { Clock } from '../../base/clock.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Runners } from './runners.ts';

export interface MemoryRoundsParts {
  readonly clock: Clock;
  readonly runners: Runners;
  /** The shortest interval asked for; null: nobody watches. */
  readonly intervalMs: () => number | null;
  /** A fault of the agent itself. */
  readonly onBug: (error: unknown, during: unknown) => void;
}

export class MemoryRounds {
  readonly #parts: MemoryRoundsParts;
  readonly #over = new AbortController();

  constructor(parts: MemoryRoundsParts) {
    this.#parts = parts;
    this.#goOn().catch((error: unknown) => parts.onBug(error, 'look-at-memory'));
  }

  /** One round now. */
  look(): void {
    const { runners, onBug } = this.#parts;
    for (const [look, one] of runners.entries()) {
      one.look().catch((error: unknown) => onBug(error, { look }));
    }
  }

  close(): void {
    this.#over.abort();
  }

  /** While somebody watches: no VM goes unseen for longer than the shortest interval asked for. */
  async #goOn(): Promise<void> {
    const { clock, intervalMs } = this.#parts;
    for (;;) {
      const interval_ms = intervalMs();
      try {
        await clock.sleep(interval_ms ?? AGENT_LIMITS.memory_interval_ms, this.#over.signal);
      } catch (error) {
        if (this.#over.signal.aborted) return;
        throw error;
      }
      if (interval_ms !== null) this.look();
    }
  }
}
