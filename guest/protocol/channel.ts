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
import { PROTOCOL } from './constants.ts';
import {
  guestBusy,
  guestClosed,
  guestInvalid,
  guestRefused,
  guestTimeout,
  guestVersion,
} from './errors.ts';
import {
  type ExitEvent,
  exitEventSchema,
  type GuestRequest,
  type Hello,
  helloSchema,
  replySchema,
} from './protocol.ts';

/** A validated answer and when it was asked and came (host clock). */
export interface GuestAnswer<T> {
  readonly value: T;
  readonly sent_ms: number;
  readonly received_ms: number;
}

interface Waiting {
  readonly request: GuestRequest['type'];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: HotplaneError) => void;
  readonly callOff: () => void;
}

export interface ChannelOptions {
  readonly vm_id: string;
  readonly stream: Duplex;
  readonly clock: Clock;
  /** An instance ended by itself. */
  readonly onExit: (event: ExitEvent) => void;
  /** Called once, with the reason; not after `close`. */
  readonly onClosed: (error: HotplaneError) => void;
}

export class GuestChannel {
  /** Settles with the first hello; rejects when the channel ends before. */
  readonly hello: Promise<Hello>;
  readonly #options: ChannelOptions;
  readonly #lines = new LineSplitter({
    limit_bytes: PROTOCOL.line_bytes,
    onLine: (text) => {
      if (!this.#ended) this.#line(text);
    },
    onTooLong: () => {
      const what = `a line of over ${PROTOCOL.line_bytes} bytes`;
      this.#end(guestInvalid(this.#options.vm_id, what));
    },
  });
  readonly #waiting = new Map<number, Waiting>();
  readonly #greeting = Promise.withResolvers<Hello>();
  #next_id = 1;
  #greeted = false;
  #ended: HotplaneError | null = null;
  /** Lines of this turn of the event loop, not written yet. */
  #unsent = '';

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.hello = this.#greeting.promise;
    // Whoever waits for hello sees the rejection; nobody waiting is no crash.
    this.hello.catch(() => undefined);
    const { stream } = options;
    stream.on('data', (chunk: Buffer) => this.#lines.push(chunk));
    stream.on('error', (error: Error) => this.#end(guestClosed(options.vm_id, error.message)));
    stream.on('end', () => this.#end(guestClosed(options.vm_id, 'end of stream.')));
    stream.on('close', () => this.#end(guestClosed(options.vm_id, 'end of stream.')));
  }

  /** Asks the guest; throws HP_GUEST_* when it refuses, is late, or breaks the protocol. */
  async ask<T>(
    request: GuestRequest,
    schema: z.ZodType<T>,
    deadline_ms: number,
  ): Promise<GuestAnswer<T>> {
    const { clock, vm_id } = this.#options;
    if (this.#ended) throw this.#ended;
    if (this.#waiting.size >= GUEST_LIMITS.requests_in_flight) {
      throw guestBusy(vm_id, GUEST_LIMITS.requests_in_flight);
    }
    const id = this.#next_id;
    const line = `${JSON.stringify({ id, ...request })}\n`;
    if (Buffer.byteLength(line) > PROTOCOL.line_bytes) {
      throw guestRefused(request.type, 'too-long', 'the request does not fit into one line');
    }
    this.#next_id += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const callOff = observedTimer(clock, deadline_ms, () => {
      this.#settle(id)?.reject(guestTimeout(vm_id, request.type, deadline_ms));
    });
    this.#waiting.set(id, { request: request.type, resolve, reject, callOff });
    const sent_ms = clock.nowMs();
    this.#send(line);
    const result = schema.safeParse(await promise);
    const received_ms = clock.nowMs();
    if (result.success) return { value: result.data, sent_ms, received_ms };
    const error = guestInvalid(vm_id, `reply to '${request.type}': ${result.error.message}`);
    this.#end(error);
    throw error;
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
  #send(line: string): void {
    if (this.#unsent === '') process.nextTick(() => this.#flush());
    this.#unsent += line;
  }

  #flush(): void {
    const text = this.#unsent;
    this.#unsent = '';
    if (!this.#ended) this.#options.stream.write(text);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.callOff();
    return waiting;
  }

  #line(text: string): void {
    const value = parseJson(text);
    const message = isObject(value) ? value : null;
    if (!this.#greeted) {
      // Boot messages, half a line of an earlier life: skipped until the first hello.
      if (message?.['type'] === 'hello') this.#greet(message);
      return;
    }
    if (!message) return this.#end(guestInvalid(this.#options.vm_id, quote(text)));
    if (message['type'] === 'exit') return this.#exit(message, text);
    if (message['type'] === 'hello') {
      return this.#end(guestInvalid(this.#options.vm_id, 'a second hello; it was restarted.'));
    }
    // Events of a later version are no error; replies are checked.
    if (message['id'] !== undefined) this.#reply(message, text);
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

  #exit(message: Record<string, unknown>, text: string): void {
    const event = exitEventSchema.safeParse(message);
    if (!event.success) return this.#end(guestInvalid(this.#options.vm_id, quote(text)));
    this.#options.onExit(event.data);
  }

  #reply(message: Record<string, unknown>, text: string): void {
    const reply = replySchema.safeParse(message);
    if (!reply.success) return this.#end(guestInvalid(this.#options.vm_id, quote(text)));
    // Unknown id: the reply to a request that timed out.
    const waiting = this.#settle(reply.data.id);
    if (reply.data.ok) waiting?.resolve(reply.data.result);
    else waiting?.reject(guestRefused(waiting.request, reply.data.code, reply.data.message));
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

function quote(text: string): string {
  return JSON.stringify(printable(text, 120));
}
