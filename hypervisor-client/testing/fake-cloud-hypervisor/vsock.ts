/** The vsock device of the fake: `CONNECT <port>`, `OK <port>`, then the modelled guest. */
import { existsSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { isObject } from '../../../base/json.ts';

/**
 * One for the life of a modelled VM. The guest says hello and answers every JSON line with an id.
 */
export class FakeVsock {
  readonly #path: string;
  readonly #hello: () => string | null;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor(path: string, hello: () => string | null) {
    this.#path = path;
    this.#hello = hello;
  }

  /** The socket file must not exist, as with the server. */
  open(): void {
    if (existsSync(this.#path)) throw new Error('Address in use (os error 98)');
    this.#server = createServer((socket) => this.#accept(socket)).listen(this.#path);
    this.#server.on('error', () => this.close());
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.close();
    this.#server = null;
    if (existsSync(this.#path)) unlinkSync(this.#path);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let pending = '';
    let connected = false;
    socket.on('data', (chunk) => {
      const lines = (pending + chunk.toString('utf8')).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) {
        if (connected) this.#answer(socket, line);
        else if (/^CONNECT \d+$/.test(line)) connected = this.#greet(socket);
        else socket.destroy();
      }
    });
  }

  /** Without a guest program nobody listens on the port, and the device closes the connection. */
  #greet(socket: Socket): boolean {
    const hello = this.#hello();
    if (hello === null) {
      socket.destroy();
      return false;
    }
    socket.write(`OK 1073741824\n${hello === '' ? '' : `${hello}\n`}`);
    return true;
  }

  #answer(socket: Socket, line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = null;
    }
    if (isObject(value) && 'id' in value) {
      socket.write(`${JSON.stringify({ ...value, ok: true })}\n`);
    } else {
      socket.write(`${line}\n`);
    }
  }
}
