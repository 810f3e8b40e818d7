/**
 * The figures one guest tells of itself, asked sparingly and remembered. What operations ask is of
 * their own regions only, one request at a time: whatever is asked meanwhile goes together into the
 * next, so that a burst of plugs costs a guest two answers and not two for each.
 */
import type { GuestStats } from '../../guest/protocol/protocol.ts';

/** An answer, and the host's time (ms) at which the guest made it. */
export interface Figures {
  readonly stats: GuestStats;
  readonly taken_at_ms: number;
}

/**
 * What a guest is asked to tell beside its counters: every region; its partitions, which are cheap
 * to tell, and no ordinary region, which costs it a look at all pages; or the regions named.
 */
export type FigureSelection = 'all' | 'partitions' | readonly string[];

/** Asks the guest. Rejects as GuestChannel.ask. */
export type AskFigures = (selection: FigureSelection) => Promise<Figures>;

type Partition = GuestStats['partitions'][number];

interface Batch {
  readonly regions: Set<string>;
  readonly answer: PromiseWithResolvers<Figures>;
}

export class GuestFigures {
  readonly #ask: AskFigures;
  readonly #partitions = new Map<string, Partition>();
  /** The partitions, as they are told of; null: they are to be listed anew. */
  #listed: Partition[] | null = null;
  /** Of an answer about many partitions without them. */
  #latest: GuestStats | null = null;
  #asked: Promise<Figures> | null = null;
  #next: Batch | null = null;

  constructor(ask: AskFigures) {
    this.#ask = ask;
  }

  /**
   * The newest counters, with the newest known of every partition; null before the first answer.
   */
  get known(): GuestStats | null {
    this.#listed ??= [...this.#partitions.values()];
    return this.#latest && { ...this.#latest, partitions: this.#listed };
  }

  /** Of many regions at once, taken after this call. */
  async many(selection: 'all' | 'partitions'): Promise<Figures> {
    const figures = await this.#ask(selection);
    const { stats } = figures;
    this.#latest = { ...stats, partitions: [] };
    const told = new Set(stats.partitions.map(({ region_pci }) => region_pci));
    for (const region_pci of this.#partitions.keys()) {
      if (!told.has(region_pci)) this.#forget(region_pci);
    }
    this.#learn(stats);
    return figures;
  }

  /** Counters of the whole guest; those of a request that is on its way are as good. */
  counters(): Promise<Figures> {
    return this.#asked ?? this.#send([]);
  }

  /** Counters and one partition, both taken after this call. */
  region(region_pci: string): Promise<Figures> {
    if (!this.#asked) return this.#send([region_pci]);
    this.#next ??= { regions: new Set(), answer: Promise.withResolvers<Figures>() };
    this.#next.regions.add(region_pci);
    return this.#next.answer.promise;
  }

  #send(regions: readonly string[]): Promise<Figures> {
    const asked = this.#ask(regions).then((figures) => {
      const { stats } = figures;
      this.#latest = stats;
      for (const region_pci of regions) {
        const is_told = stats.partitions.some((one) => one.region_pci === region_pci);
        // A guest tells nothing of a partition that is gone.
        if (!is_told) this.#forget(region_pci);
      }
      this.#learn(stats);
      return figures;
    });
    this.#asked = asked;
    const goOn = (): void => this.#sendNext();
    asked.then(goOn, goOn);
    return asked;
  }

  #sendNext(): void {
    const next = this.#next;
    this.#asked = null;
    this.#next = null;
    if (next) this.#send([...next.regions]).then(next.answer.resolve, next.answer.reject);
  }

  #forget(region_pci: string): void {
    if (this.#partitions.delete(region_pci)) this.#listed = null;
  }

  #learn({ partitions }: GuestStats): void {
    for (const partition of partitions) {
      const { region_pci } = partition;
      const known = this.#partitions.get(region_pci);
      if (known && isSame(known, partition)) continue;
      this.#partitions.delete(region_pci);
      this.#partitions.set(region_pci, partition);
      this.#listed = null;
    }
  }
}

/** Then the known one stays, which is old: what is told again and again is to be dropped young. */
function isSame<Row extends object>(known: Row, told: Row): boolean {
  for (const key in told) if (known[key] !== told[key]) return false;
  return Object.keys(known).length === Object.keys(told).length;
}
