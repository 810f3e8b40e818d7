/**
 * The agent's end of the guest protocol (protocol.ts) over any byte stream. Finds the first line in
 * whatever a booting guest wrote before it, matches replies to requests, and ends the channel at
 * the first thing that is not the protocol: after that nothing the guest says can be trusted.
 */
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { GUEST_LIMITS } from './limits.ts';
import { isObject, parseJson } from '../../base/json.ts';
import { LineSplitter } from '../../base/lines.ts';
import { observedTimer } from '../../base/observed-timer.ts';
import { printable } from '../../base/printable.ts';
import { type CutLine, cutLine, joinLine } from './attached-bytes.ts';
import { PROTOCOL } from './constants.ts';
import {
  guestBusy,
  guestClosed,
  guestInvalid,
  guestRefused,
  guestTimeout,
  guestVersion,
} from './errors.ts';
import { PayloadSender } from './payload-sender.ts';
import {
  chunkEventSchema,
  creditEventSchema,
  type ExitEvent,
  exitEventSchema,
  type GuestRequest,
  type Hello,
  helloSchema,
  type LogEvent,
  logEventSchema,
  type MemoryEvent,
  memoryEventSchema,
  type PreparedEvent,
  preparedEventSchema,
  replySchema,
  type SpanEvent,
  spanEventSchema,
} from './protocol.ts';
import { ReplyOrder } from './reply-order.ts';

/** A validated answer and when it was asked and came (host clock). */
export interface GuestAnswer<T> {
  readonly value: T;
  /** What was attached to it, and to the chunks before it. */
  readonly attached: Buffer;
  readonly sent_ms: number;
  readonly received_ms: number;
}

interface Waiting {
  readonly request: GuestRequest['type'];
  readonly chunks: Buffer[];
  chunk_bytes: number;
  readonly resolve: (reply: { readonly result: unknown; readonly attached: Buffer }) => void;
  readonly reject: (error: HotplaneError) => void;
  readonly callOff: () => void;
}

interface Said {
  readonly message: Record<string, unknown>;
  readonly cut: CutLine;
}

/** Events about what answers are about, too. */
const NEWS: readonly unknown[] = ['exit', 'memory', 'prepared', 'span'];

export interface ChannelOptions {
  readonly vm_id: string;
  readonly stream: Duplex;
  readonly clock: Clock;
  /** An instance ended by itself. */
  readonly onExit: (event: ExitEvent) => void;
  /** An instance tells how much it uses; absent: nobody wants to know. */
  readonly onMemory?: (event: MemoryEvent) => void;
  /** A region was prepared; absent: nobody wants to know. */
  readonly onPrepared?: (event: PreparedEvent) => void;
  /** A span of an instance was asked for, or is closed; absent: nobody wants to know. */
  readonly onSpan?: (event: SpanEvent) => void;
  /** An instance wrote something. */
  readonly onLog?: (event: LogEvent, bytes: Buffer) => void;
  /** Called once, with the reason; not after `close`. */
  readonly onClosed: (error: HotplaneError) => void;
}

export class GuestChannel {
  /** Settles with the first hello; rejects when the channel ends before. */
  readonly hello: Promise<Hello>;
  readonly #options: ChannelOptions;
  readonly #lines = new LineSplitter({
    limit_bytes: PROTOCOL.line_bytes,
    onBytes: (line) => {
      if (!this.#ended) this.#line(line);
    },
    onTooLong: () => {
      const what = `a line of over ${PROTOCOL.line_bytes} bytes`;
      this.#end(guestInvalid(this.#options.vm_id, what));
    },
  });
  readonly #order = new ReplyOrder<Said>({
    take: (said) => {
      if (!this.#ended) this.#take(said);
    },
    isNews: ({ message }) => NEWS.includes(message['type']),
  });
  readonly #waiting = new Map<number, Waiting>();
  readonly #greeting = Promise.withResolvers<Hello>();
  #next_id = 1;
  /** Of the ping that asks for a hello; null: nobody knocked. */
  #knock_id: number | null = null;
  #greeted = false;
  #ended: HotplaneError | null = null;
  /** Lines of this turn of the event loop, not written yet. */
  #unsent: (string | Buffer)[] = [];
  readonly #payloads = new PayloadSender((line) => this.#options.stream.write(line));

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.hello = this.#greeting.promise;
    // Whoever waits for hello sees the rejection; nobody waiting is no crash.
    this.hello.catch(() => undefined);
    const { stream } = options;
    stream.on('data', (chunk: Buffer) => this.#lines.push(chunk));
    stream.on('drain', () => this.#payloads.drained());
    const over = (reason: string): void => {
      this.#order.flush();
      this.#end(guestClosed(options.vm_id, reason));
    };
    stream.on('error', (error: Error) => over(error.message));
    stream.on('end', () => over('end of stream.'));
    stream.on('close', () => over('end of stream.'));
  }

  /**
   * Asks the guest, with a payload where the request has one; throws HP_GUEST_* when it refuses, is
   * late, or breaks the protocol.
   */
  async ask<T>(
    request: GuestRequest,
    schema: z.ZodType<T>,
    deadline_ms: number,
    payload: Uint8Array | null = null,
  ): Promise<GuestAnswer<T>> {
    const { clock, vm_id } = this.#options;
    if (this.#ended) throw this.#ended;
    if (this.#waiting.size >= GUEST_LIMITS.requests_in_flight) {
      throw guestBusy(vm_id, GUEST_LIMITS.requests_in_flight);
    }
    const id = this.#next_id;
    const line = lineOf(id, request, payload);
    this.#next_id += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Parameters<Waiting['resolve']>[0]>();
    const callOff = observedTimer(clock, deadline_ms, () => {
      this.#settle(id)?.reject(guestTimeout(vm_id, request.type, deadline_ms));
    });
    const waiting = { request: request.type, chunks: [], chunk_bytes: 0, resolve, reject, callOff };
    this.#waiting.set(id, waiting);
    const sent_ms = clock.nowMs();
    this.#send(line);
    if (payload && !PayloadSender.isWhole(payload)) {
      process.nextTick(() => this.#follow(id, payload));
    }
    const { result, attached } = await promise;
    const checked = schema.safeParse(result);
    const received_ms = clock.nowMs();
    if (checked.success) return { value: checked.data, attached, sent_ms, received_ms };
    const error = guestInvalid(vm_id, `reply to '${request.type}': ${checked.error.message}`);
    this.#end(error);
    throw error;
  }

  /**
   * Asks a guest that runs already for its hello: to be called first on a connection that is not
   * the guest's first one. Ends a half line of an earlier connection. A guest to which the earlier
   * one said nothing at all takes it for the same, and has a hello in its reply alone.
   */
  knock(): void {
    const id = this.#next_id;
    this.#next_id += 1;
    this.#knock_id = id;
    this.#send(`\n${JSON.stringify({ id, type: 'ping' })}\n`);
  }

  /** The channel is over; whoever owns it was told why. */
  get isOver(): boolean {
    return this.#ended !== null;
  }

  /** Ends it from our side; open requests fail, `onClosed` is not called. */
  close(): void {
    this.#finish(guestClosed(this.#options.vm_id, 'closed by the agent.'));
  }

  /**
   * All lines of a turn go in one write: one system call for a burst, and one wake-up of the VMM.
   */
  #send(line: string | Buffer): void {
    if (this.#unsent.length === 0) process.nextTick(() => this.#flush());
    this.#unsent.push(line);
  }

  #flush(): void {
    const lines = this.#unsent;
    this.#unsent = [];
    if (this.#ended) return;
    this.#options.stream.write(joined(lines));
  }

  /** The rest of a payload, after the line of its request was written. */
  #follow(id: number, payload: Uint8Array): void {
    if (!this.#ended && this.#waiting.has(id)) this.#payloads.follow(id, payload);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#payloads.forget(id);
    waiting?.callOff();
    return waiting;
  }

  #line(line: Buffer): void {
    const { vm_id } = this.#options;
    const cut = cutLine(line);
    const value = parseJson(cut?.json ?? '');
    const message = isObject(value) ? value : null;
    if (!this.#greeted) {
      // Boot messages, half a line of an earlier life: skipped until the first hello.
      if (message?.['type'] === 'hello') this.#greet(message);
      else if (message && message['id'] === this.#knock_id) {
        // An answer to what an earlier agent asked may have that id, too.
        const { result } = message;
        if (isObject(result) && result['type'] === 'hello') this.#greet(result);
      }
      return;
    }
    if (!message || !cut) return this.#end(guestInvalid(vm_id, quote(line.toString('utf8'))));
    const said = { message, cut };
    if (!this.#order.hold(said)) this.#take(said);
  }

  #take({ message, cut }: Said): void {
    const { vm_id } = this.#options;
    if (message['type'] === undefined) {
      if (message['id'] !== undefined) this.#reply(message, cut);
      return;
    }
    if (message['type'] === 'hello') {
      return this.#end(guestInvalid(vm_id, 'a second hello; it was restarted.'));
    }
    const problem = this.#event(message, cut.attached ?? NOTHING);
    if (problem !== null) this.#end(guestInvalid(vm_id, `${problem}: ${quote(cut.json)}`));
  }

  /** What is wrong with an event; null: nothing, and events of a later version are no error. */
  #event(message: Record<string, unknown>, attached: Buffer): string | null {
    switch (message['type']) {
      case 'exit': {
        const event = exitEventSchema.safeParse(message);
        if (!event.success) return 'an exit';
        this.#options.onExit(event.data);
        return null;
      }
      case 'memory': {
        const event = memoryEventSchema.safeParse(message);
        if (!event.success) return 'a memory event';
        this.#options.onMemory?.(event.data);
        return null;
      }
      case 'prepared': {
        const event = preparedEventSchema.safeParse(message);
        if (!event.success) return 'a prepared event';
        this.#options.onPrepared?.(event.data);
        return null;
      }
      case 'span': {
        const event = spanEventSchema.safeParse(message);
        if (!event.success) return 'a span';
        this.#options.onSpan?.(event.data);
        return null;
      }
      case 'log': {
        const event = logEventSchema.safeParse(message);
        if (!event.success) return 'a log';
        this.#options.onLog?.(event.data, attached);
        return null;
      }
      case 'chunk': {
        const event = chunkEventSchema.safeParse(message);
        return event.success ? this.#chunk(event.data.of, attached) : 'a chunk';
      }
      case 'credit': {
        const event = creditEventSchema.safeParse(message);
        if (!event.success) return 'a credit';
        this.#payloads.credit(event.data.of, event.data.bytes);
        return null;
      }
      default:
        return null;
    }
  }

  #chunk(of: number, attached: Buffer): string | null {
    const waiting = this.#waiting.get(of);
    // Of an answer that nobody waits for any longer.
    if (!waiting) return null;
    waiting.chunk_bytes += attached.length;
    if (waiting.chunk_bytes > PROTOCOL.payload_bytes) return 'an answer above its limit';
    waiting.chunks.push(attached);
    return null;
  }

  #greet(message: Record<string, unknown>): void {
    const { vm_id } = this.#options;
    const hello = helloSchema.safeParse(message);
    if (!hello.success) return this.#end(guestInvalid(vm_id, `hello: ${hello.error.message}`));
    const [lowest, highest] = hello.data.protocol;
    if (lowest > PROTOCOL.version_max || highest < PROTOCOL.version_min) {
      return this.#end(guestVersion(vm_id, hello.data.protocol));
    }
    this.#greeted = true;
    this.#greeting.resolve(hello.data);
  }

  #reply(message: Record<string, unknown>, { json, attached }: CutLine): void {
    const reply = replySchema.safeParse(message);
    if (!reply.success) return this.#end(guestInvalid(this.#options.vm_id, quote(json)));
    // Unknown id: the reply to a request that timed out.
    const waiting = this.#settle(reply.data.id);
    if (!waiting) return;
    this.#order.replied();
    const { request, chunks } = waiting;
    if (!reply.data.ok) {
      return waiting.reject(guestRefused(request, reply.data.code, reply.data.message));
    }
    const parts = attached ? [...chunks, attached] : chunks;
    const [only = NOTHING] = parts;
    waiting.resolve({
      result: reply.data.result,
      attached: parts.length <= 1 ? only : Buffer.concat(parts),
    });
  }

  #end(error: HotplaneError): void {
    if (this.#finish(error)) this.#options.onClosed(error);
  }

  #finish(error: HotplaneError): boolean {
    if (this.#ended) return false;
    this.#ended = error;
    this.#greeting.reject(error);
    for (const id of this.#waiting.keys()) this.#settle(id)?.reject(error);
    this.#options.stream.destroy();
    return true;
  }
}

const NOTHING = Buffer.alloc(0);

/** One alone is written as it is, and no bytes are copied twice. */
function joined(lines: readonly (string | Buffer)[]): string | Buffer {
  const [only] = lines;
  if (only !== undefined && lines.length === 1) return only;
  if (lines.every((line) => typeof line === 'string')) return lines.join('');
  return Buffer.concat(lines.map((line) => (typeof line === 'string' ? Buffer.from(line) : line)));
}

/** Throws HP_GUEST_REFUSED when it does not fit into a line. */
function lineOf(id: number, request: GuestRequest, payload: Uint8Array | null): string | Buffer {
  const json = JSON.stringify({ id, ...request });
  const attached_bytes = payload ? 1 + 2 * PROTOCOL.payload_chunk_bytes : 0;
  if (Buffer.byteLength(json) + 1 + attached_bytes > PROTOCOL.line_bytes) {
    throw guestRefused(request.type, 'too-long', 'the request does not fit into one line');
  }
  return payload ? joinLine(json, PayloadSender.first(payload)) : `${json}\n`;
}

function quote(text: string): string {
  return JSON.stringify(printable(text, 120));
}
