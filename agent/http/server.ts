/**
 * The agent's HTTP: on a port of loopback, or on a Unix socket only its owner may use. What asks
 * for a path, names another host, or comes from a web page is answered here; the rest is routed.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { isHotplaneError } from '../../base/errors.ts';
import { SocketPlace } from '../api/socket.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { agentError } from '../model/errors.ts';
import { refusalOf } from '../model/failure.ts';
import { type HttpAddress, isOwnHost } from './address.ts';
import { sendProblem } from './problem.ts';
import type { Router } from './router.ts';

export interface HttpServerOptions {
  readonly address: HttpAddress;
  readonly router: Router;
  readonly log: Logger;
  /** Takes requests for a WebSocket; what it throws is answered like any other error. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export class HttpServer {
  /** Only the user of the agent can connect: it is no port. */
  readonly is_private: boolean;
  readonly #server: Server;
  readonly #place: SocketPlace | null;

  private constructor(server: Server, place: SocketPlace | null) {
    this.#server = server;
    this.#place = place;
    this.is_private = place !== null;
  }

  /** Throws HP_AGENT_HTTP where it cannot listen, or what {@link SocketPlace.claim} does. */
  static async listen({ address, router, log, onUpgrade }: HttpServerOptions): Promise<HttpServer> {
    const server = createServer(
      {
        maxHeaderSize: AGENT_LIMITS.http_header_bytes,
        headersTimeout: AGENT_LIMITS.http_headers_ms,
        requestTimeout: AGENT_LIMITS.http_request_ms,
        keepAliveTimeout: AGENT_LIMITS.http_idle_ms,
      },
      (request, response) => void answer(router, log, request, response),
    );
    server.maxConnections = AGENT_LIMITS.http_connections;
    if (onUpgrade) {
      server.on('upgrade', (request, socket, head) => {
        upgrade([request, socket, head], onUpgrade);
      });
    }
    if (!('path' in address)) {
      await listening(server, address);
      return new HttpServer(server, null);
    }
    const place = await SocketPlace.claim(address.path);
    try {
      await place.bind((path) => listening(server, { path }));
    } catch (error) {
      server.close();
      await place.release();
      throw error;
    }
    return new HttpServer(server, place);
  }

  /** The port it got, where 0 was asked for; null on a Unix socket. */
  get port(): number | null {
    const at = this.#server.address();
    return at !== null && typeof at === 'object' ? at.port : null;
  }

  /** Ends what is open, and takes nothing new. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    await this.#place?.release();
  }
}

/** Text for people and probes; one line has its newline. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}

function listening(server: Server, where: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(agentError('HP_AGENT_HTTP', `HTTP cannot be served: ${cause.message}.`, { cause }));
    });
    server.listen(where, resolve);
  });
}

async function answer(
  router: Router,
  log: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('x-content-type-options', 'nosniff');
  response.on('error', () => undefined);
  try {
    refuseForeign(request);
    const [path = ''] = (request.url ?? '').split('?');
    const found = router.find(request.method ?? '', path);
    if (!found) throw agentError('HP_AGENT_HTTP_PATH', 'there is nothing at that path.');
    if (!('handler' in found)) {
      response.setHeader('allow', found.allow.join(', '));
      throw agentError('HP_AGENT_HTTP_METHOD', `that path takes ${found.allow.join(', ')} only.`);
    }
    await found.handler({ request, response, params: found.params });
  } catch (error) {
    if (!isHotplaneError(error)) log.error({ err: refusalOf(error) }, 'a call was not served');
    sendProblem(response, error);
  }
}

/**
 * A page in a browser on this host may send requests to loopback; it has no business here, unless
 * it is our own. What a page embeds has no origin, but the browser says from where it comes. One
 * may lead to our page, and to no function, which would run.
 */
function refuseForeign({ headers, url = '' }: IncomingMessage): void {
  const { origin, host } = headers;
  const is_ours = origin === undefined || (host !== undefined && origin === `http://${host}`);
  const site = headers['sec-fetch-site'];
  const is_asked_here = site === undefined || site === 'same-origin' || site === 'none';
  const leads = headers['sec-fetch-mode'] === 'navigate' && !url.startsWith('/functions/');
  if (is_ours && (is_asked_here || leads) && isOwnHost(host)) return;
  throw agentError('HP_AGENT_HTTP_FOREIGN', 'the request comes from a page or names another host.');
}

type Upgrade = readonly [request: IncomingMessage, socket: Duplex, head: Buffer];

/** A request for a WebSocket comes without a response, which is made where one is needed. */
function upgrade([request, socket, head]: Upgrade, onUpgrade: (...upgrade: Upgrade) => void): void {
  socket.on('error', () => socket.destroy());
  try {
    refuseForeign(request);
    onUpgrade(request, socket, head);
  } catch (error) {
    if (!(socket instanceof Socket)) return void socket.destroy();
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.setHeader('connection', 'close');
    response.once('finish', () => socket.end());
    sendProblem(response, error);
  }
}
