/**
 * What a guest says of the use of its regions, passed on: its first words at once, and whatever
 * follows too fast together, the newest of each region. However often a guest speaks, the core
 * hears it a bounded number of times a second.
 */
import type { Clock } from '../../base/clock.ts';
import { observedTimer } from '../../base/observed-timer.ts';
import type { MemoryEvent } from '../../guest/protocol/protocol.ts';
import type { RegionUsage } from '../model/events.ts';

export interface UsagePace {
  /** One word is heard in this time, on average. */
  readonly interval_ms: number;
  /** So many at once, after a guest was silent for as long as they take. */
  readonly burst: number;
}

export class UsageNews {
  readonly #clock: Clock;
  readonly #pace: UsagePace;
  readonly #emit: (usage: readonly RegionUsage[]) => void;
  readonly #kept = new Map<string, RegionUsage>();
  /** Until when what was heard so far fills the average. */
  #full_until_ms = Number.NEGATIVE_INFINITY;
  #callOff: (() => void) | null = null;

  constructor(clock: Clock, pace: UsagePace, emit: (usage: readonly RegionUsage[]) => void) {
    this.#clock = clock;
    this.#pace = pace;
    this.#emit = emit;
  }

  /**
   * Regions have the names of the host; there is one entry for each, however much is said.
   * `said_at_ms`: on the host's clock.
   */
  tell(region_id: string, event: MemoryEvent, said_at_ms?: number): void {
    const { type: _, region_pci: _pci, at_ms: _at, instance: instance_id, ...use } = event;
    const heard_at_ms = this.#clock.nowMs();
    const said = said_at_ms === undefined ? {} : { said_at_ms };
    this.#kept.set(region_id, { region_id, instance_id, ...use, ...said, heard_at_ms });
    if (this.#callOff) return;
    const { interval_ms, burst } = this.#pace;
    const wait_ms = this.#full_until_ms - heard_at_ms - (burst - 1) * interval_ms;
    if (wait_ms <= 0) return this.#pass();
    this.#callOff = observedTimer(this.#clock, wait_ms, () => this.#pass());
  }

  close(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#kept.clear();
  }

  #pass(): void {
    this.#callOff = null;
    const now_ms = this.#clock.nowMs();
    this.#full_until_ms = Math.max(now_ms, this.#full_until_ms) + this.#pace.interval_ms;
    const usage = [...this.#kept.values()];
    this.#kept.clear();
    if (usage.length > 0) this.#emit(usage);
  }
}
