/** The agent's live state on WebSockets: text messages of agent/model/live.ts, one way. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { hostClock } from '../../base/clock.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import { withDeadline } from '../../base/deadline.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { refusalOf } from '../model/failure.ts';
import type { LiveFeed, LiveReader } from '../observe/live/live-feed.ts';
import { stuckReader } from '../observe/reader-errors.ts';

/** Why a WebSocket is closed (RFC 6455, 7.4.1): the agent goes, it was too slow, it talked. */
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;
const NOT_ACCEPTED = 1003;
/** Bytes of the reason in a closing frame. */
const REASON_BYTES = 123;

export class LiveSockets {
  readonly #feed: LiveFeed;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: AGENT_LIMITS.http_header_bytes,
    perMessageDeflate: false,
  });
  readonly #ping: NodeJS.Timeout;
  /** Readers that were asked for a sign of life and have not answered. */
  readonly #silent = new WeakSet<WebSocket>();

  /** `ping_ms`: how often readers are asked for a sign of life. */
  constructor(feed: LiveFeed, ping_ms: number = AGENT_LIMITS.live_ping_ms) {
    this.#feed = feed;
    this.#server.on('connection', (socket: WebSocket) => void this.#serve(socket));
    this.#ping = setInterval(() => this.#askAll(), ping_ms);
    this.#ping.unref();
  }

  /** Takes a connection whose request was found to be for it. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (one) => {
      this.#server.emit('connection', one, request);
    });
  }

  /** Tells every reader that the agent goes, and waits for none. */
  close(): void {
    clearInterval(this.#ping);
    for (const socket of this.#server.clients) {
      socket.close(GOING_AWAY, 'the agent stops');
      socket.terminate();
    }
    this.#server.close();
  }

  async #serve(socket: WebSocket): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => this.#silent.delete(socket));
    socket.once('message', () => end(socket, NOT_ACCEPTED, 'nothing is taken here'));
    try {
      const reader = this.#feed.join(gone.signal);
      await tell(socket, reader);
      end(socket, GOING_AWAY, 'the agent stops');
    } catch (error) {
      if (gone.signal.aborted) return;
      const { code, message } = isHotplaneError(error) ? error : refusalOf(error);
      end(socket, TRY_AGAIN_LATER, `${code}: ${message}`);
    } finally {
      gone.abort();
    }
  }

  #askAll(): void {
    for (const socket of this.#server.clients) {
      if (this.#silent.has(socket)) {
        socket.terminate();
        continue;
      }
      this.#silent.add(socket);
      socket.ping();
    }
  }
}

/** Each message once the one before has left for the kernel: what waits is in the bounded queue. */
async function tell(socket: WebSocket, { snapshot, changes }: LiveReader): Promise<void> {
  for (const message of snapshot) {
    await send(socket, message);
    await nextTurn();
  }
  for await (const message of changes) await send(socket, message);
}

/** Throws HP_AGENT_SLOW_READER where the reader takes nothing for too long. */
function send(socket: WebSocket, message: string | Buffer): Promise<void> {
  const sent = new Promise<void>((resolve, reject) => {
    const whenSent = (error?: Error | null): void => (error ? reject(error) : resolve());
    socket.send(message, { binary: false }, whenSent);
  });
  return withDeadline(hostClock, AGENT_LIMITS.live_send_ms, sent, () => stuckReader());
}

/** Its end is told; one who does not read that either is cut off. */
function end(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, cutBytes(reason, REASON_BYTES));
  setTimeout(() => socket.terminate(), AGENT_LIMITS.close_ms).unref();
}
