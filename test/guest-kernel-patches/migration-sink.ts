/** Where a migration goes that is not meant to arrive anywhere. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** Takes what a migration sends and forgets it. */
export class MigrationSink {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      socket.resume();
    });
  }

  static async open(path: string): Promise<MigrationSink> {
    const sink = new MigrationSink(path);
    sink.#server.listen(path);
    await once(sink.#server, 'listening');
    return sink;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
