/** What a guest says of the use of its regions, passed on at a pace. */
import type { Clock } from '../../base/clock.ts';
import type { MemoryEvent } from '../../guest/protocol/protocol.ts';
import type { RegionUsage } from '../model/events.ts';
import { type NewsPace, PacedNews } from './paced-news.ts';

export type UsagePace = NewsPace;

export class UsageNews {
  readonly #clock: Clock;
  readonly #news: PacedNews<RegionUsage>;

  constructor(clock: Clock, pace: UsagePace, emit: (usage: readonly RegionUsage[]) => void) {
    this.#clock = clock;
    this.#news = new PacedNews(clock, pace, emit);
  }

  /** Regions have the names of the host. `said_at_ms`: on the host's clock. */
  tell(region_id: string, event: MemoryEvent, said_at_ms?: number): void {
    const { type: _, region_pci: _pci, at_ms: _at, instance: instance_id, ...use } = event;
    const heard_at_ms = this.#clock.nowMs();
    const said = said_at_ms === undefined ? {} : { said_at_ms };
    this.#news.tell(region_id, { region_id, instance_id, ...use, ...said, heard_at_ms });
  }

  close(): void {
    this.#news.close();
  }
}
