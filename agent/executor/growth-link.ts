/**
 * What goes between the core and one guest about the size of regions in use: the guest's word of
 * their use comes up as events, and a growth that does not come goes down as a denial. What
 * stands plugged for nobody yet is prepared by the guest.
 */
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import type { MemoryEvent, PreparedEvent } from '../../guest/protocol/protocol.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import { refusalOf } from '../model/failure.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { MemoryObserver } from '../observe/observations.ts';
import type { GuestLink } from './guest-link.ts';
import { errOf } from './repeat-log.ts';
import { UsageNews } from './usage-news.ts';

interface GrowthDeps {
  readonly clock: Clock;
  readonly vm_id: string;
  readonly log: Logger;
  readonly emit: (event: HostEvent) => void;
  readonly memoryOf: () => Pick<MemoryObserver, 'hear'>;
}

export class GrowthLink {
  readonly #deps: GrowthDeps;
  readonly #news: UsageNews;
  /** What the guest calls each region, and the other way once it says something of one. */
  #addresses: ReadonlyMap<string, string> = new Map();
  #regions: ReadonlyMap<string, string> | null = null;
  #guest: GuestLink | null = null;
  /** Regions that are being prepared. */
  readonly #preparing = new Set<string>();

  constructor(deps: GrowthDeps) {
    this.#deps = deps;
    const { clock, vm_id, emit } = deps;
    const pace = { interval_ms: AGENT_LIMITS.usage_interval_ms, burst: AGENT_LIMITS.usage_burst };
    this.#news = new UsageNews(clock, pace, (regions) => emit({ type: 'usage', vm_id, regions }));
  }

  /** `addresses`: what the guest calls each region. What it said before is of nobody. */
  open(guest: GuestLink, addresses: ReadonlyMap<string, string>): void {
    this.#guest = guest;
    this.#addresses = addresses;
    this.#regions = null;
  }

  #regionAt(address: string): string | undefined {
    this.#regions ??= new Map([...this.#addresses].map(([id, its]) => [its, id]));
    return this.#regions.get(address);
  }

  /** A prepare is over, as its guest says: once for each that was asked for. */
  hearPrepared({ region_pci, ready_bytes }: PreparedEvent): void {
    const { vm_id, emit } = this.#deps;
    const region_id = this.#regionAt(region_pci);
    if (region_id === undefined || !this.#preparing.delete(region_id)) return;
    emit({ type: 'region-prepared', vm_id, region_id, ready_bytes });
  }

  hear(event: MemoryEvent): void {
    const region_id = this.#regionAt(event.region_pci);
    if (region_id === undefined) return;
    this.#deps.memoryOf().hear(event);
    this.#news.tell(region_id, event, this.#guest?.toHost(event.at_ms));
  }

  /** A guest that does not take it ends the wait by its own bound. */
  async deny({ region_id, failure }: Extract<Action, { type: 'deny-growth' }>): Promise<void> {
    const { code, message } = failure;
    this.#deps.log.warn({ region: region_id, err: { code, message } }, 'growth denied');
    try {
      await this.#guest?.deny(this.#addresses.get(region_id) ?? '');
    } catch (error) {
      if (isBug(error)) throw error;
      const err = errOf(refusalOf(error));
      this.#deps.log.warn({ region: region_id, err }, 'the guest was not told of a denial');
    }
  }

  /** A guest that does not do it has memory that is slower at first, and no more. */
  async prepare(action: Extract<Action, { type: 'prepare-region' }>): Promise<void> {
    const { region_id, bytes } = action;
    this.#preparing.add(region_id);
    try {
      await this.#guest?.prepare(this.#addresses.get(region_id) ?? '', bytes);
    } catch (error) {
      if (isBug(error)) throw error;
      this.#preparing.delete(region_id);
      const err = errOf(refusalOf(error));
      this.#deps.log.warn({ region: region_id, err }, 'the guest does not prepare a region');
    }
  }

  close(): void {
    this.#news.close();
  }
}
