/**
 * A client of the QEMU Machine Protocol over a Unix socket (docs/interop/qmp-spec). QEMU serves one
 * client at a time: a second connection gets no greeting until the first one closes.
 */
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Broadcast } from '../../base/broadcast.ts';
import { timerMs } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { QEMU_LIMITS } from './limits.ts';
import { VMM_LIMITS } from '../limits.ts';
import { LineSplitter } from '../../base/lines.ts';
import { vmmError } from '../errors.ts';
import { VMM_EVENTS } from '../events.ts';
import { parseQmpMessage, type QmpEvent, type QmpMessage } from './qmp-message.ts';

/** As random as `randomInt` can be, and far from where numbers end. */
const IDS_FROM = 2 ** 47;

interface Pending {
  readonly command: string;
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface QmpCallOptions {
  /** Default: LIMITS.vmm_call_ms. */
  readonly deadline_ms?: number;
}

/**
 * ```ts
 * const qmp = await QmpClient.connect('/run/vm/qmp.sock');
 * const status = await qmp.execute('query-status');
 * await qmp.quit();
 * ```
 */
export class QmpClient {
  readonly #socket: Socket;
  readonly #events = new Broadcast<QmpEvent>(VMM_EVENTS);
  readonly #pending = new Map<number, Pending>();
  readonly #lines = new LineSplitter({
    limit_bytes: QEMU_LIMITS.qmp_line_bytes,
    onLine: (line) => {
      if (line !== '') this.#dispatch(parseQmpMessage(line));
    },
    onTooLong: (_start, number) => {
      const limit = `${QEMU_LIMITS.qmp_line_bytes} bytes`;
      throw vmmError('HP_QMP_PROTOCOL', `Line ${number} is longer than ${limit}.`);
    },
  });
  readonly #greeted = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  /**
   * From anywhere: QEMU tells the answer to a client that is gone to the next one, whose first
   * commands it would be taken for.
   */
  #next_id = randomInt(IDS_FROM);
  #lines_were_bad = false;
  #end: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#greeted.promise.catch(() => undefined);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#close('The QMP connection broke.', error));
    socket.on('close', () => this.#close('QEMU closed the QMP connection.'));
  }

  /**
   * Connects, takes the greeting and leaves the negotiation mode. Throws HP_QMP_CONNECT when nobody
   * listens or no greeting comes in time (another client holds the socket), HP_QMP_PROTOCOL when
   * the peer does not speak QMP.
   */
  static async connect(path: string, options: QmpCallOptions = {}): Promise<QmpClient> {
    const deadline_ms = options.deadline_ms ?? LIMITS.vmm_call_ms;
    const socket = connect(path);
    const client = new QmpClient(socket);
    const timer = setTimeout(() => {
      client.#close(`No QMP greeting on ${path} within ${deadline_ms} ms.`);
    }, timerMs(deadline_ms));
    try {
      await client.#greeted.promise;
      await client.execute('qmp_capabilities', {}, { deadline_ms });
      return client;
    } catch (error) {
      client.close();
      if (client.#lines_were_bad) throw error;
      throw vmmError('HP_QMP_CONNECT', `No QMP at ${path}.`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  get isClosed(): boolean {
    return this.#end !== null;
  }

  /** Resolves when the connection is closed, by either side. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Runs one command and returns its result. Throws HP_QMP_ERROR when QEMU says no (its class and
   * text in `details`), HP_QMP_TIMEOUT at the deadline (the command may still take effect),
   * HP_QMP_CLOSED when the connection ends first.
   */
  async execute(
    command: string,
    parameters: Readonly<Record<string, unknown>> = {},
    options: QmpCallOptions = {},
  ): Promise<unknown> {
    if (this.#end) throw this.#closedError(command);
    if (this.#pending.size >= VMM_LIMITS.calls_in_flight) {
      throw vmmError('HP_VMM_BUSY', `${this.#pending.size} QMP commands wait for an answer.`);
    }
    const deadline_ms = options.deadline_ms ?? LIMITS.vmm_call_ms;
    const id = this.#next_id;
    this.#next_id += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => {
      this.#pending.delete(id);
      reject(vmmError('HP_QMP_TIMEOUT', `${command} got no answer within ${deadline_ms} ms.`));
    }, timerMs(deadline_ms));
    this.#pending.set(id, { command, timer, resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
    return await promise;
  }

  /** Events from now on; ends with the connection or by `signal`. Slow readers lose the oldest. */
  events(signal?: AbortSignal): AsyncIterableIterator<QmpEvent> {
    return this.#events.read(signal);
  }

  /** Tells QEMU to end. The connection closing before the answer is success. */
  async quit(options: QmpCallOptions = {}): Promise<void> {
    if (this.#end) return;
    await Promise.race([this.execute('quit', {}, options), this.closed]).catch((error: unknown) => {
      if (!this.#end) throw error;
    });
  }

  /** Closes the connection and leaves QEMU running. Idempotent. */
  close(): void {
    this.#close('The QMP connection was closed by its owner.');
  }

  #take(chunk: Buffer): void {
    if (this.#end) return;
    try {
      this.#lines.push(chunk);
    } catch (error) {
      this.#lines_were_bad = true;
      this.#close('The peer does not speak QMP.', error);
    }
  }

  #dispatch(message: QmpMessage): void {
    switch (message.type) {
      case 'greeting':
        return this.#greeted.resolve();
      case 'event':
        return this.#events.emit(message.event);
      case 'return':
        return this.#settle(message.id)?.resolve(message.value);
      case 'error': {
        const pending = this.#settle(message.id);
        const text = `${pending?.command} was refused: ${message.description}`;
        const details = { class: message.class, description: message.description };
        return pending?.reject(vmmError('HP_QMP_ERROR', text, { details }));
      }
    }
  }

  /** Null for an answer that came after its deadline, or to nobody. */
  #settle(id: number | null): Pending | null {
    const pending = id === null ? undefined : this.#pending.get(id);
    if (id === null || !pending) return null;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }

  #close(reason: string, cause?: unknown): void {
    if (this.#end) return;
    this.#end = new Error(reason, cause === undefined ? undefined : { cause });
    this.#socket.destroy();
    const error = this.#lines_were_bad ? cause : this.#closedError('greeting');
    this.#greeted.reject(error);
    for (const id of this.#pending.keys()) {
      const pending = this.#settle(id);
      pending?.reject(this.#closedError(pending.command));
    }
    this.#events.end();
    this.#closed.resolve();
  }

  #closedError(command: string): Error {
    return vmmError('HP_QMP_CLOSED', `${command} got no answer.`, { cause: this.#end });
  }
}
