/**
 * The guest channel over the server's vsock: connect to its socket, `CONNECT <port>\n` in one
 * write, `OK <n>\n` back, then the bytes of the guest. While the guest boots nobody listens there
 * and the server closes the connection at once, so it is tried again until the deadline.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { VMM_LIMITS } from '../limits.ts';
import { waitFor } from '../../base/wait.ts';
import { vmmError } from '../errors.ts';

export interface VsockChannelOptions {
  readonly path: string;
  readonly port: number;
  readonly clock: Clock;
  /** From the call until the guest has answered; LIMITS.guest_hello_ms unless told. */
  readonly deadline_ms?: number;
}

/** One connection at a time: opening closes the one before. */
export class VsockChannel {
  readonly #options: VsockChannelOptions;
  #socket: Socket | null = null;
  #stop: AbortController | null = null;

  constructor(options: VsockChannelOptions) {
    this.#options = options;
  }

  /** Throws HP_VMM_CHANNEL when the guest did not listen in time, or `close` was called. */
  async open(): Promise<Socket> {
    this.close();
    const { path, port, clock, deadline_ms = LIMITS.guest_hello_ms } = this.#options;
    const stop = new AbortController();
    this.#stop = stop;
    let last: unknown = null;
    const attempt = async (): Promise<Socket | null> => {
      stop.signal.throwIfAborted();
      try {
        return await connectGuest(path, port, stop.signal);
      } catch (error) {
        last = error;
        return null;
      }
    };
    const pace = { clock, deadline_ms, first_pause_ms: 5, signal: stop.signal };
    const socket = await waitFor(attempt, pace).catch((error: unknown) => {
      last = error;
      return null;
    });
    if (!socket || stop.signal.aborted) {
      socket?.destroy();
      const what = `No guest on port ${port} of ${path} within ${deadline_ms} ms.`;
      throw vmmError('HP_VMM_CHANNEL', what, { cause: last });
    }
    this.#socket = socket;
    return socket;
  }

  close(): void {
    this.#stop?.abort();
    this.#socket?.destroy();
    this.#socket = null;
  }
}

/** One attempt; rejects when the answer is not `OK`. */
async function connectGuest(path: string, port: number, signal: AbortSignal): Promise<Socket> {
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.vmm_call_ms)]);
  const socket = connect(path);
  try {
    await once(socket, 'connect', { signal: timeout });
    socket.write(`CONNECT ${port}\n`);
    const line = await readLine(socket, timeout);
    if (!/^OK \d+$/.test(line)) throw new Error(`the vsock answered ${JSON.stringify(line)}`);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  // A reset is an end like any other; whoever reads the stream sees it close.
  socket.on('error', () => socket.destroy());
  return socket;
}

/** The first line; what came after it is put back for the reader of the stream. */
async function readLine(socket: Socket, signal: AbortSignal): Promise<string> {
  let kept = Buffer.alloc(0);
  while (kept.length <= VMM_LIMITS.vsock_line_bytes) {
    const chunk: unknown = socket.read();
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) throw new Error('the vsock was closed');
      await once(socket, 'readable', { signal });
      if (socket.readableLength === 0) throw new Error('the vsock was closed');
      continue;
    }
    if (!Buffer.isBuffer(chunk)) throw new Error('the vsock gave no bytes');
    kept = Buffer.concat([kept, chunk]);
    const end = kept.indexOf(0x0a);
    if (end < 0) continue;
    if (end + 1 < kept.length) socket.unshift(kept.subarray(end + 1));
    return kept.subarray(0, end).toString('latin1');
  }
  throw new Error('the vsock answered with a line that does not end');
}
