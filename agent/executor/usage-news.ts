/**
 * What a guest says of the use of its regions, passed on: the first word at once, and whatever
 * follows within the interval together, the newest of each region. However often a guest speaks,
 * the core hears it a bounded number of times a second.
 */
import type { Clock } from '../../base/clock.ts';
import { observedTimer } from '../../base/observed-timer.ts';
import type { MemoryEvent } from '../../guest/protocol/protocol.ts';
import type { RegionUsage } from '../model/events.ts';

export class UsageNews {
  readonly #clock: Clock;
  readonly #interval_ms: number;
  readonly #emit: (usage: readonly RegionUsage[]) => void;
  readonly #kept = new Map<string, RegionUsage>();
  #next_ms = Number.NEGATIVE_INFINITY;
  #callOff: (() => void) | null = null;

  constructor(clock: Clock, interval_ms: number, emit: (usage: readonly RegionUsage[]) => void) {
    this.#clock = clock;
    this.#interval_ms = interval_ms;
    this.#emit = emit;
  }

  /** Regions have the names of the host; there is one entry for each, however much is said. */
  tell(region_id: string, event: MemoryEvent): void {
    const { type: _, region_pci: _pci, at_ms: _at, instance: instance_id, ...use } = event;
    this.#kept.set(region_id, { region_id, instance_id, ...use });
    if (this.#callOff) return;
    const wait_ms = this.#next_ms - this.#clock.nowMs();
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
    this.#next_ms = this.#clock.nowMs() + this.#interval_ms;
    const usage = [...this.#kept.values()];
    this.#kept.clear();
    if (usage.length > 0) this.#emit(usage);
  }
}
