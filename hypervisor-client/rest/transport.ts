/**
 * HTTP to one server on a Unix socket: one connection, one request in flight, a deadline on every
 * call, Content-Length always, never chunked, nothing sent twice. After a request whose fate is
 * unknown the next change is held back until the server has answered a GET: it works strictly in
 * order, so by then the lost request has either taken effect or never will.
 */
import { Client, type Dispatcher } from 'undici';
import type { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { readBody } from './body.ts';
import { CallDeadline } from './call-deadline.ts';
import { type RestMethod, type RestServer, sentState } from './server.ts';
import { errorOfTransport } from './transport-error.ts';

export interface TransportOptions {
  /** Absolute path of the API socket. */
  readonly socket_path: string;
  /** Deadline of a call that names none; LIMITS.vmm_call_ms unless told. */
  readonly deadline_ms?: number;
}

/** Options every call takes. */
export interface CallOptions {
  readonly deadline_ms?: number;
  readonly signal?: AbortSignal;
}

export interface CallRequest extends CallOptions {
  readonly method: RestMethod;
  /** Without the common prefix, e.g. `vm.info`. */
  readonly route: string;
  /** Sent as JSON; leave it out where the server wants no body. */
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  readonly content_type: string;
  readonly body: string;
}

interface Waiter {
  readonly start: () => void;
}

export class Transport {
  readonly socket_path: string;
  readonly #server: RestServer;
  readonly #deadline_ms: number;
  #client: Client | null = null;
  #busy = false;
  #uncertain = false;
  #disposed = false;
  readonly #waiting: Waiter[] = [];

  constructor(server: RestServer, options: TransportOptions) {
    this.#server = server;
    this.socket_path = options.socket_path;
    this.#deadline_ms = options.deadline_ms ?? LIMITS.vmm_call_ms;
  }

  /** True after a change whose fate is unknown, until the server has answered a GET. */
  get uncertain(): boolean {
    return this.#uncertain;
  }

  /** Makes one call; throws an error of the server's codes for anything but a status below 300. */
  async call(request: CallRequest): Promise<Answer> {
    if (this.#disposed) throw this.#disposedError(request);
    const payload = this.#encode(request);
    const deadline_ms = request.deadline_ms ?? this.#deadline_ms;
    const deadline = new CallDeadline(deadline_ms, request.signal);
    try {
      return await this.#callWithin(deadline, request, payload, deadline_ms);
    } finally {
      deadline.end();
    }
  }

  async #callWithin(
    { signal, timeout }: CallDeadline,
    request: CallRequest,
    payload: string | null,
    deadline_ms: number,
  ): Promise<Answer> {
    const { socket_path } = this;
    const context = { ...request, server: this.#server, deadline_ms, socket_path, timeout };
    await this.#enter(request, signal, (reason) => errorOfTransport(reason, context, 'no'));
    try {
      if (this.#disposed) throw this.#disposedError(request);
      if (this.#uncertain && request.method !== 'GET') {
        const probe = { ...context, method: 'GET', route: this.#server.probe_route } as const;
        await this.#exchange(probe, null, signal, 'no');
      }
      return await this.#exchange(context, payload, signal, 'maybe');
    } finally {
      this.#leave();
    }
  }

  /** Closes the connection; calls that wait are refused. */
  async close(): Promise<void> {
    this.#disposed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.start();
    await this.#drop();
  }

  async #exchange(
    context: Parameters<typeof errorOfTransport>[1],
    payload: string | null,
    signal: AbortSignal,
    unsettled: 'no' | 'maybe',
  ): Promise<Answer> {
    const { method, route } = context;
    const { prefix, limits, closing_statuses } = this.#server;
    let response: Dispatcher.ResponseData | null = null;
    let issued = false;
    try {
      signal.throwIfAborted();
      issued = true;
      this.#client ??= this.#connect();
      response = await this.#client.request({
        method,
        path: prefix + route,
        body: payload,
        signal,
        ...(payload === null ? {} : { headers: { 'content-type': 'application/json' } }),
      });
      const failed = response.statusCode >= 300;
      const limit_bytes = failed ? limits.error_body_bytes : limits.answer_bytes;
      const { text, truncated } = await readBody(response, limit_bytes);
      const status = response.statusCode;
      if (truncated || closing_statuses.includes(status)) await this.#drop();
      if (failed) {
        throw this.#server.answerError({ method, route, status, body: text, truncated });
      }
      if (truncated) {
        const message = `${method} ${route}: over ${limit_bytes} bytes of answer.`;
        const details = { method, route, sent: 'yes' };
        throw this.#server.troubleError('protocol', message, { details });
      }
      if (method === 'GET') this.#uncertain = false;
      return { status, content_type: contentType(response), body: text };
    } catch (reason) {
      const error = errorOfTransport(reason, context, issued ? unsettled : 'no');
      const sent = sentState(error);
      if (sent === 'maybe' && method !== 'GET') this.#uncertain = true;
      if (sent === 'yes' && method === 'GET') this.#uncertain = false;
      if (!isAnswered(error) || sent === 'maybe') await this.#drop();
      throw error;
    }
  }

  #connect(): Client {
    return new Client('http://localhost', {
      socketPath: this.socket_path,
      pipelining: 1,
      keepAliveTimeout: this.#server.limits.keep_alive_ms,
      // Deadlines are signals of each call; these timers are too coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: 0,
    });
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.destroy();
  }

  async #enter(
    request: CallRequest,
    signal: AbortSignal,
    toError: (reason: unknown) => Error,
  ): Promise<void> {
    if (!this.#busy) {
      this.#busy = true;
      return;
    }
    if (this.#waiting.length >= this.#server.limits.calls_queued) {
      const message = `${this.#waiting.length} calls wait for ${this.socket_path}.`;
      throw this.#server.troubleError('busy', message, { details: unsent(request) });
    }
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = (): void => {
        const index = this.#waiting.indexOf(waiter);
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        reject(toError(signal.reason));
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
      if (signal.aborted) abort();
    });
    this.#busy = true;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next.start();
    else this.#busy = false;
  }

  #disposedError({ method, route }: CallRequest): Error {
    return this.#server.troubleError('disposed', `${method} ${route}: the client was closed.`, {
      details: unsent({ method, route }),
    });
  }

  #encode({ method, route, body }: CallRequest): string | null {
    if (body === undefined) return null;
    const payload = JSON.stringify(body);
    const bytes = Buffer.byteLength(payload);
    const most_bytes = this.#server.limits.request_bytes;
    if (bytes <= most_bytes) return payload;
    const message = `${method} ${route}: ${bytes} bytes are too many.`;
    throw this.#server.troubleError('bad-argument', message, {
      next: `Send at most ${most_bytes} bytes.`,
      details: { ...unsent({ method, route }), bytes },
    });
  }
}

function unsent({ method, route }: Pick<CallRequest, 'method' | 'route'>) {
  return { method, route, sent: 'no' } as const;
}

function contentType(response: Dispatcher.ResponseData): string {
  const value = response.headers['content-type'];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function isAnswered(error: HotplaneError): boolean {
  return typeof error.details['status'] === 'number';
}
