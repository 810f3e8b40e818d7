/** The agent's API on a Unix socket that only its owner may use. */
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  Metadata,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { timerMs } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HostAgent } from '../executor/host-agent.ts';
import { isBug } from '../observe/fail-stop.ts';
import { refusalOf } from '../model/failure.ts';
import { API_PROTOCOL } from '../model/methods.ts';
import { Discovery } from './discovery.ts';
import { type OnGone, STREAMS, type StreamHandler, UNARY, type UnaryHandler } from './handlers.ts';
import { SERVICE } from './service.ts';
import { SocketPlace } from './socket.ts';
import { InvocationNotDone, otherVersion, toStatus } from './status-codes.ts';

export interface AgentServerOptions {
  readonly agent: HostAgent;
  readonly socket_path: string;
  /** The claimed place of the socket, which close() gives back. Default: claimed by listen(). */
  readonly place?: SocketPlace;
  readonly log: Logger;
}

/** Earlier versions of the protocol, whose clients are told what is the matter. */
const EARLIER_PROTOCOLS = ['hotplane.agent.v1', 'hotplane.agent.v2'];

export class AgentServer {
  readonly #server: Server;
  readonly #place: SocketPlace;
  readonly #options: AgentServerOptions;
  readonly #discovery: Discovery;

  private constructor(server: Server, place: SocketPlace, options: AgentServerOptions) {
    this.#server = server;
    this.#place = place;
    this.#options = options;
    this.#discovery = new Discovery(server);
    void options.agent.fatal.then(() => this.#discovery.stopping());
  }

  /** Throws HP_AGENT_SOCKET_IN_USE when another agent listens there, HP_AGENT_SOCKET else. */
  static async listen(options: AgentServerOptions): Promise<AgentServer> {
    const place = options.place ?? (await SocketPlace.claim(options.socket_path));
    const server = new Server({ 'grpc.max_receive_message_length': AGENT_LIMITS.message_bytes });
    const result = new AgentServer(server, place, options);
    result.#addServices();
    try {
      await place.bind((path) => bind(server, path));
    } catch (error) {
      server.forceShutdown();
      await place.release();
      throw error;
    }
    return result;
  }

  /** Takes no new calls, waits for the open ones up to `deadline_ms`, then ends them. */
  async close(deadline_ms: number): Promise<void> {
    this.#discovery.stopping();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#server.forceShutdown();
      resolve();
    }, timerMs(deadline_ms));
    this.#server.tryShutdown(() => resolve());
    await promise;
    clearTimeout(timer);
    await this.#place.release();
  }

  #addServices(): void {
    for (const one of UNARY) this.#unary(one);
    for (const one of STREAMS) this.#stream(one);
    for (const protocol of EARLIER_PROTOCOLS) this.#refuse(protocol);
  }

  /** Every method of an earlier version: one clear error instead of answers that are misread. */
  #refuse(protocol: string): void {
    const refusal = toStatus(otherVersion(protocol, this.#options.agent.version));
    const answer = (_call: unknown, done: sendUnaryData<Buffer>): void => done(refusal);
    for (const { path } of Object.values(SERVICE)) {
      this.#server.register(path.replace(API_PROTOCOL, protocol), answer, asIs, asIs, 'unary');
    }
  }

  #unary({ name, path, serve }: UnaryHandler): void {
    const { agent } = this.#options;
    const take = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
      const onGone: OnGone = (run) => void call.on('cancelled', run);
      const answer = async (): Promise<void> => {
        try {
          done(null, await serve(agent, call.request, onGone));
        } catch (error) {
          if (isBug(error)) agent.failStop(error, { method: name });
          this.#logFailure(name, error);
          done(toStatus(error));
        }
      };
      void answer();
    };
    this.#server.register(path, take, asIs, asIs, 'unary');
  }

  /** A refused request is the caller's affair (debug); what we did not foresee is ours (error). */
  #logFailure(method: string, error: unknown): void {
    if (error instanceof InvocationNotDone) return;
    const level = isHotplaneError(error) ? 'debug' : 'error';
    this.#options.log[level]({ method, err: refusalOf(error) }, 'a call was not served');
  }

  #stream({ name, path, open }: StreamHandler): void {
    const take = async (call: ServerWritableStream<Buffer, Buffer>): Promise<void> => {
      const gone = new AbortController();
      call.on('cancelled', () => gone.abort());
      try {
        const messages = open(this.#options.agent, call.request, gone.signal);
        // Tells the caller that from here on nothing is missed.
        call.sendMetadata(new Metadata());
        for await (const bytes of messages) {
          if (call.cancelled) return;
          if (!call.write(bytes)) await drained(call);
        }
        call.end();
      } catch (error) {
        this.#logFailure(name, error);
        call.emit('error', toStatus(error));
      }
    };
    const serve = (call: ServerWritableStream<Buffer, Buffer>): void => void take(call);
    this.#server.register(path, serve, asIs, asIs, 'serverStream');
  }
}

/** Messages are made and read by their methods, where errors can be told. */
const asIs = (bytes: Buffer): Buffer => bytes;

/** Until the caller has read what it was sent, or went away. */
function drained(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  return new Promise((resolve) => {
    call.once('drain', resolve);
    call.once('cancelled', resolve);
  });
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
