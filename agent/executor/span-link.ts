/**
 * What goes between the core and one guest about spans: what its instances ask for and have closed
 * comes up as events, the core's answers go down.
 */
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import type { SpanEvent } from '../../guest/protocol/protocol.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import { refusalOf } from '../model/failure.ts';
import type { FoundSpan } from '../model/named-span.ts';
import type { Refusal } from '../model/refusals.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { GuestLink } from './guest-link.ts';
import { PacedNews } from './paced-news.ts';
import { errOf } from './repeat-log.ts';

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

interface SpanDeps {
  readonly clock: Clock;
  readonly vm_id: string;
  /** A line of the log at level warn; repeated ones are one. */
  readonly tell: (kind: string, fields: Readonly<Record<string, unknown>>, text: string) => void;
  readonly emit: (event: HostEvent) => void;
  /** What the guest calls a region. */
  readonly pciOf: (region_id: string) => string;
}

/** Spans that all instances of a guest can have: of more it says nothing that is true. */
const SPANS_MAX = PROTOCOL.instances * PROTOCOL.spans;

export class SpanLink {
  readonly #deps: SpanDeps;
  readonly #news: PacedNews<SpanEvent>;
  /** What it said since it was connected to; null: nobody wants to know any more. */
  #found: Map<string, FoundSpan> | null = new Map();
  #guest: GuestLink | null = null;

  constructor(deps: SpanDeps) {
    this.#deps = deps;
    const { usage_interval_ms: interval_ms, usage_burst: burst } = AGENT_LIMITS;
    const pace = { interval_ms, burst, each: true } as const;
    this.#news = new PacedNews(deps.clock, pace, (news) => {
      for (const event of news) this.#tell(event);
    });
  }

  open(guest: GuestLink): void {
    this.#guest = guest;
  }

  hear(event: SpanEvent): void {
    const { instance: instance_id, span, state, bytes } = event;
    const key = JSON.stringify([instance_id, span]);
    if (this.#found) {
      if (state === 'closed') this.#found.delete(key);
      else if (this.#found.size < SPANS_MAX) {
        const serial = event.serial ?? null;
        this.#found.set(key, { instance_id, span, state, serial, bytes });
      }
    } else if (state !== 'open' && this.#news.size < SPANS_MAX) this.#news.tell(key, event);
  }

  /** What it said of its spans until now; from now on it is told as events. */
  take(): readonly FoundSpan[] {
    const found = [...(this.#found?.values() ?? [])];
    this.#found = null;
    return found;
  }

  /** What is said of spans came before what is told next. */
  flush(): void {
    this.#news.flush();
  }

  #tell({ instance: instance_id, span, state, serial, bytes, at_ms }: SpanEvent): void {
    const { vm_id, emit } = this.#deps;
    const about = { vm_id, instance_id, span, serial: serial ?? null };
    if (state === 'closed') return emit({ type: 'span-closed', ...about });
    const said_at_ms = this.#guest?.toHost(at_ms) ?? null;
    emit({ type: 'span-asked', ...about, bytes, said_at_ms });
  }

  /** A guest in which nobody asks for it any more has closed it; the next one may be asked for. */
  async grant({ region_id, instance_id, span, serial }: ActionOf<'open-span'>): Promise<void> {
    const { vm_id, emit, pciOf } = this.#deps;
    try {
      const which = serial === null ? {} : { serial };
      await this.#guest?.span(instance_id, { span, ...which, region_pci: pciOf(region_id) });
    } catch (error) {
      if (isBug(error)) throw error;
      this.#log(span, refusalOf(error), 'a span was not opened');
      if (isHotplaneError(error) && error.details['guest_code'] === 'no-such-span') {
        emit({ type: 'span-closed', vm_id, instance_id, span, serial });
      }
    }
  }

  async refuse({ instance_id, span, serial, failure }: ActionOf<'refuse-span'>): Promise<void> {
    this.#log(span, failure, 'a span was refused');
    const text = `${failure.code}: ${failure.message}`.slice(0, PROTOCOL.error_message_bytes / 4);
    try {
      const which = serial === null ? {} : { serial };
      await this.#guest?.span(instance_id, { span, ...which, region_pci: '', failure: text });
    } catch (error) {
      if (isBug(error)) throw error;
      this.#log(span, refusalOf(error), 'the guest was not told of a refused span');
    }
  }

  #log(span: string, failure: Refusal, text: string): void {
    this.#deps.tell(`span ${failure.code}`, { span, err: errOf(failure) }, text);
  }

  close(): void {
    this.#news.close();
  }
}
