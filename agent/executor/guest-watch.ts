/** What one guest tells of itself, and whether it tells anything: figures asked for, and pings. */
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { refusalOf } from '../model/failure.ts';
import type { GuestPages } from '../model/pool-messages.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { Figures, GuestFigures } from '../observe/guest-figures.ts';
import { watchHealth } from '../observe/health.ts';
import type { MemoryObserver } from '../observe/observations.ts';
import { pagesOf } from '../observe/pool-status.ts';
import type { GuestLink } from './guest-link.ts';
import { errOf } from './repeat-log.ts';

export interface GuestWatchParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly memory: MemoryObserver;
  /** Aborted when the VM ends. */
  readonly signal: AbortSignal;
  /** Told of each change. */
  readonly onHealth: (responsive: boolean) => void;
  /** What the guest kernel counts of its pages, whenever it tells. */
  readonly onPages: (pages: GuestPages, told_at_ms: number) => void;
  /** A line of the log at level warn; repeated ones are one. */
  readonly tell: (kind: string, fields: Readonly<Record<string, unknown>>, text: string) => void;
  readonly onBug: (error: unknown) => void;
}

export class GuestWatch {
  readonly #parts: GuestWatchParts;
  #guest: GuestLink | null = null;
  #figures: GuestFigures | null = null;
  #responsive = true;
  /** When the guest was last asked for its figures by the clock, not by an operation. */
  #asked_at_ms = Number.NEGATIVE_INFINITY;
  /** When it last told of its pages; null: it does not count them. */
  #pages_at_ms: number | null = null;
  /** When it last told anything; null: never. */
  answered_at_ms: number | null = null;

  constructor(parts: GuestWatchParts) {
    this.#parts = parts;
  }

  /** From its hello on. */
  open(guest: GuestLink, figures: GuestFigures): void {
    const { clock, memory, onBug } = this.#parts;
    this.#guest = guest;
    this.#figures = figures;
    memory.stats = figures.known;
    this.answered_at_ms = clock.nowMs();
    this.#tellPages(figures.known, this.answered_at_ms);
    this.#watchHealth(guest).catch(onBug);
  }

  /** Null, with a line of the log, when the guest does not tell. */
  async figures(ask: (figures: GuestFigures) => Promise<Figures>): Promise<Figures | null> {
    const { clock, memory, tell } = this.#parts;
    // A guest that does not answer is asked by its pings only.
    if (!this.#figures || !this.#responsive) return null;
    try {
      const figures = await ask(this.#figures);
      memory.stats = this.#figures.known;
      this.answered_at_ms = clock.nowMs();
      this.#tellPages(figures.stats, this.answered_at_ms);
      return figures;
    } catch (error) {
      if (isBug(error)) throw error;
      // Old figures are not told as new ones.
      memory.stats = null;
      if (!this.#guest?.isOver) {
        tell('stats', { err: errOf(refusalOf(error)) }, 'no statistics from the guest');
      }
      return null;
    }
  }

  /** Fresh statistics of the whole guest, or null with a log line when it does not give them. */
  async stats(selection: 'all' | 'partitions' = 'all'): Promise<GuestStats | null> {
    return (await this.figures((figures) => figures.many(selection)))?.stats ?? null;
  }

  /** Figures that are at most a little older than a second. */
  async refresh(): Promise<void> {
    const now_ms = this.#parts.clock.nowMs();
    if (!this.#guest || this.#guest.isOver) return;
    if (now_ms - this.#asked_at_ms < AGENT_LIMITS.guest_stats_interval_ms) return;
    this.#asked_at_ms = now_ms;
    await this.stats('partitions');
  }

  /** An answer about some regions only has none. */
  #tellPages(stats: GuestStats | null, told_at_ms: number): void {
    const pages = stats && pagesOf(stats);
    if (!pages) return;
    this.#pages_at_ms = told_at_ms;
    this.#parts.onPages(pages, told_at_ms);
  }

  /** Nobody asked for them for long. */
  async #askPages(): Promise<void> {
    const due_ms = (this.#pages_at_ms ?? Number.POSITIVE_INFINITY) + AGENT_LIMITS.guest_pages_ms;
    if (this.#parts.clock.nowMs() >= due_ms) await this.stats('partitions');
  }

  async #watchHealth(guest: GuestLink): Promise<void> {
    const { clock, signal, log, onHealth } = this.#parts;
    const answered = (): number => this.answered_at_ms ?? clock.nowMs();
    await watchHealth({
      clock,
      signal,
      ping: async () => {
        await guest.ping();
        this.answered_at_ms = clock.nowMs();
      },
      answeredAtMs: answered,
      also: async () => await this.#askPages(),
      onChange: (responsive) => {
        this.#responsive = responsive;
        const silent_ms = Math.round(clock.nowMs() - answered());
        if (responsive) log.warn('the guest answers again');
        else log.error({ silent_ms }, 'the guest does not answer');
        onHealth(responsive);
      },
    });
  }
}
