/**
 * Connections to the agent's Unix socket. They are taken here, so that the kernel can be asked who
 * each one is before anything that it sends is read, and are then the gRPC server's.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { ConnectionInjector } from '@grpc/grpc-js';
import { timerMs } from '../../base/clock.ts';
import type { ReadPeer } from '../../base/peer-credentials.ts';
import { localPeer, type Peer, type PeerOf, type SocketRights } from './peers.ts';

/** For what is said last on a connection that is cut. */
const CUT_MS = 100;

export class LocalConnections {
  readonly #server: Server;
  readonly #injector: ConnectionInjector;
  readonly #rights: SocketRights;
  readonly #readPeer: ReadPeer | null;
  /** Of those that are open, by what the gRPC server calls their other side. */
  readonly #peers: Map<string, Peer>;
  readonly #open = new Set<Socket>();
  #next = 1;
  #onEmpty: (() => void) | null = null;

  /** `readPeer` null: nobody's user is known. `peers` is looked up with {@link peerAmong}. */
  constructor(
    injector: ConnectionInjector,
    peers: Map<string, Peer>,
    rights: SocketRights,
    readPeer: ReadPeer | null,
  ) {
    this.#injector = injector;
    this.#peers = peers;
    this.#rights = rights;
    this.#readPeer = readPeer;
    this.#server = createServer((socket) => this.#take(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
  }

  /**
   * Takes nobody new, has what is open end, and cuts it after `deadline_ms`. The gRPC server does
   * not wait for connections that it was given.
   */
  async close(deadline_ms: number): Promise<void> {
    this.#server.close();
    this.#injector.drain(timerMs(deadline_ms));
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = setTimeout(resolve, timerMs(deadline_ms) + CUT_MS);
    await promise;
    clearTimeout(timer);
    for (const socket of this.#open) socket.destroy();
  }

  #take(socket: Socket): void {
    const remote = `connection ${this.#next}`;
    this.#next += 1;
    const found = this.#readPeer?.(socket) ?? null;
    this.#peers.set(remote, localPeer(this.#rights, found));
    // What it sent last may be taken up in the same turn as its end.
    socket.once('close', () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#onEmpty?.();
      setImmediate(() => this.#peers.delete(remote));
    });
    // All is said: a peer that does not hang up is not waited for.
    socket.once('finish', () => socket.destroy());
    this.#open.add(socket);
    // A Unix socket tells no address of its other side: a call is known by what it is called here.
    Object.defineProperty(socket, 'remoteAddress', { value: remote });
    this.#injector.injectConnection(socket);
  }
}

/** A call whose connection is closing, and was forgotten, is nobody's. */
export const peerAmong =
  (peers: ReadonlyMap<string, Peer>): PeerOf =>
  ({ remote }) =>
    peers.get(remote) ?? { name: 'that is gone', role: null, known_by: null };
