/** Rounds in which the host is asked what it has of memory, for the core to decide by. */
import type { Clock } from '../../base/clock.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HostEvent } from '../model/events.ts';
import { isPressed } from '../model/pressure.ts';
import type { HostState } from '../model/state.ts';
import { totalBytes } from '../model/tiers.ts';
import type { HostAvailable } from '../pressure/available.ts';

/** Asks the host; null: it does not tell. */
export type ReadAvailable = () => HostAvailable | null;

export interface HostTruthParts {
  readonly clock: Clock;
  readonly state: () => HostState;
  readonly read: ReadAvailable;
  /** What the VMM processes hold together, as far as it is known. */
  readonly residentBytes: () => number;
  readonly emit: (event: HostEvent) => void;
  /** A fault of the agent itself. */
  readonly onBug: (error: unknown, during: unknown) => void;
}

export class HostTruth {
  readonly #parts: HostTruthParts;
  readonly #over = new AbortController();

  /** Asks at once, then every second, and more often while memory is short. */
  constructor(parts: HostTruthParts) {
    this.#parts = parts;
    this.#goOn().catch((error: unknown) => parts.onBug(error, 'look-at-host'));
  }

  close(): void {
    this.#over.abort();
  }

  async #goOn(): Promise<void> {
    const { clock, state } = this.#parts;
    while (!this.#over.signal.aborted) {
      this.#ask();
      const pressed = isPressed(state().pressure, 'reserve');
      const pause_ms = pressed ? AGENT_LIMITS.host_look_pressed_ms : AGENT_LIMITS.host_look_ms;
      try {
        await clock.sleep(pause_ms, this.#over.signal);
      } catch (error) {
        if (this.#over.signal.aborted) return;
        throw error;
      }
    }
  }

  #ask(): void {
    const { read, residentBytes, emit, state } = this.#parts;
    const available = read();
    if (!available) return emit({ type: 'host-memory', told: null });
    const { capacity, config } = state();
    // Where the host could back the whole budget once more, nobody need look at its VMs.
    const enough_bytes = totalBytes(capacity) + (config.host_keep_bytes ?? 0);
    const resident_bytes = available.available_bytes >= enough_bytes ? 0 : residentBytes();
    emit({ type: 'host-memory', told: { ...available, resident_bytes } });
  }
}
