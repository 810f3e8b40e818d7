/** Spans of the instances of a fake guest: asked for, opened in a region, closed. */
import type { Clock } from '../../base/clock.ts';
import type { GuestRequest, SpanEvent } from '../../guest/protocol/protocol.ts';
import type { Work } from '../model/work.ts';

type Answer = Extract<GuestRequest, { type: 'span' }>;

interface FakeSpan {
  readonly instance: string;
  readonly span: string;
  readonly serial: number;
  readonly bytes: number;
  region_pci: string | null;
  readonly answered: PromiseWithResolvers<string | null>;
}

export class FakeSpans {
  readonly #clock: Clock;
  readonly #say: (told: Omit<SpanEvent, 'at_ms'>) => void;
  readonly #spans = new Map<string, FakeSpan>();
  #last_serial = 0;

  constructor(clock: Clock, say: (told: Omit<SpanEvent, 'at_ms'>) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Regions in which a span is open. */
  get open(): readonly string[] {
    return [...this.#spans.values()].flatMap(({ region_pci }) => region_pci ?? []);
  }

  /** The steps of a work, one after another; what was refused, or null. */
  async play(instance: string, { spans = [] }: Work, started_ms: number): Promise<string | null> {
    for (const { span, at_ms, bytes, hold_ms, times } of spans) {
      await this.#sleep(started_ms + at_ms - this.#clock.nowMs());
      for (let time = 0; time < times; time += 1) {
        const failure = await this.#opened(instance, span, bytes);
        if (failure !== null) return `span '${span}': ${failure}`;
        await this.#sleep(hold_ms);
        this.#closed(instance, span);
      }
    }
    return null;
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await this.#clock.sleep(ms);
  }

  async #opened(instance: string, span: string, bytes: number): Promise<string | null> {
    const answered = Promise.withResolvers<string | null>();
    this.#last_serial += 1;
    const one = { instance, span, serial: this.#last_serial, bytes, region_pci: null, answered };
    this.#spans.set(`${instance}/${span}`, one);
    this.#tell(one, 'asked');
    return await answered.promise;
  }

  #closed(instance: string, span: string): void {
    const found = this.#spans.get(`${instance}/${span}`);
    if (!found) return;
    this.#spans.delete(`${instance}/${span}`);
    this.#tell(found, 'closed');
  }

  #tell({ instance, span, serial, bytes }: FakeSpan, state: SpanEvent['state']): void {
    this.#say({ type: 'span', instance, span, state, serial, bytes });
  }

  /** The agent's word; false: nobody asks for it. */
  answer({ instance, span, serial, region_pci, failure }: Answer): boolean {
    const found = this.#spans.get(`${instance}/${span}`);
    if (!found || (serial !== undefined && serial !== found.serial)) return false;
    if (failure === undefined) found.region_pci = region_pci;
    else this.#spans.delete(`${instance}/${span}`);
    found.answered.resolve(failure ?? null);
    return true;
  }

  /** Before the answer to `list`. */
  tellAll(): void {
    for (const one of this.#spans.values()) {
      this.#tell(one, one.region_pci === null ? 'asked' : 'open');
    }
  }

  /** All of it is gone with its process. */
  ended(instance: string): void {
    for (const [key, one] of this.#spans) {
      if (one.instance !== instance) continue;
      this.#spans.delete(key);
      one.answered.resolve('it ended');
    }
  }
}
