import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { LIMITS } from '../../base/limits.ts';
import { vmmError } from '../errors.ts';

/**
 * The host's end of the guest's virtio-serial port. QEMU serves one client at a time, so the one
 * before is closed first.
 */
export class SerialChannel {
  readonly #path: string;
  #socket: Socket | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Connects, closing an earlier connection. Throws HP_VMM_CHANNEL. */
  async open(): Promise<Socket> {
    this.close();
    const socket = connect(this.#path);
    this.#socket = socket;
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(LIMITS.vmm_call_ms) });
    } catch (error) {
      socket.destroy();
      throw vmmError('HP_VMM_CHANNEL', `No guest channel at ${this.#path}.`, { cause: error });
    }
    // A reset is an end like any other; whoever reads the stream sees it close.
    socket.on('error', () => socket.destroy());
    return socket;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }
}
