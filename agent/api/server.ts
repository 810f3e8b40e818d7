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
import { errorOf, refusalOf } from '../model/failure.ts';
import { API_PROTOCOL } from '../model/messages.ts';
import { NO_RECORD } from '../model/records.ts';
import { Discovery } from './discovery.ts';
import { type Method, SERVICE } from './service.ts';
import { SocketPlace } from './socket.ts';
import { InvocationNotDone, otherVersion, toStatus } from './status-codes.ts';

export interface AgentServerOptions {
  readonly agent: HostAgent;
  readonly socket_path: string;
  /** The claimed place of the socket, which close() gives back. Default: claimed by listen(). */
  readonly place?: SocketPlace;
  readonly log: Logger;
}

/** `onGone` registers what is to be done when the caller cancels or goes away. */
type Handler<Request, Response> = (
  request: Request,
  onGone: (run: () => void) => void,
) => Promise<Response>;

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
    const { agent } = this.#options;
    this.#unary(SERVICE.Deploy, async (request) => {
      const { kind: _, facts, ...rest } = await agent.deploy(request.function);
      return { ...facts, ...rest };
    });
    this.#unary(SERVICE.Invoke, async ({ function: name, invocation_id, ...call }, onGone) => {
      const end = await agent.invoke(name, invocation_id, call, onGone);
      const { failure, answer, ...record } = end;
      const { bytes: payload = null, content_type = null, http } = answer ?? {};
      const { status = null, headers = [] } = http ?? {};
      const reply = { record, payload, content_type, status, headers };
      // A function that failed was served: its answer says how, and is no matter of a trailer.
      if (!failure || failure.code === 'HP_AGENT_FUNCTION_FAILED') return reply;
      throw new InvocationNotDone(errorOf(failure), SERVICE.Invoke.encodeResponse(reply));
    });
    this.#unary(SERVICE.Status, (request) =>
      agent.status(request.function ?? '', request.with_state),
    );
    this.#unary(SERVICE.Remove, async (request) => ({
      finished_at_ms: await agent.remove(request.function),
    }));
    this.#unary(SERVICE.SetTargets, (request) => agent.setTargets(request));
    this.#unary(SERVICE.GetTargets, async (request) => agent.targets(request.function));
    this.#unary(SERVICE.Drain, ({ function: name, vm_id }) => agent.drain(name, vm_id));
    this.#unary(SERVICE.Explain, async (request) => agent.explain(request.instance_id));
    this.#unary(SERVICE.Logs, async ({ function: name, after }) => ({
      entries: agent.logs.read(name, after),
    }));
    const watch = (call: ServerWritableStream<Buffer, Buffer>): void => void this.#watch(call);
    this.#server.register(SERVICE.Watch.path, watch, asIs, asIs, 'serverStream');
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

  #unary<Request, Response>(
    method: Method<Request, Response>,
    handler: Handler<Request, Response>,
  ): void {
    const { agent } = this.#options;
    const { name, path } = method;
    const serve = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
      const onGone = (run: () => void): void => void call.on('cancelled', run);
      const answer = async (): Promise<void> => {
        try {
          const response = await handler(method.decodeRequest(call.request), onGone);
          done(null, method.encodeResponse(response));
        } catch (error) {
          if (isBug(error)) agent.failStop(error, { method: name });
          this.#logFailure(name, error);
          done(toStatus(error));
        }
      };
      void answer();
    };
    this.#server.register(path, serve, asIs, asIs, 'unary');
  }

  /** A refused request is the caller's affair (debug); what we did not foresee is ours (error). */
  #logFailure(method: string, error: unknown): void {
    if (error instanceof InvocationNotDone) return;
    const level = isHotplaneError(error) ? 'debug' : 'error';
    this.#options.log[level]({ method, err: refusalOf(error) }, 'a call was not served');
  }

  async #watch(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
    try {
      const request = SERVICE.Watch.decodeRequest(call.request);
      const records = this.#options.agent.watch(request);
      call.on('cancelled', () => records.close());
      // Tells the caller that from here on nothing is missed.
      call.sendMetadata(new Metadata());
      for await (const record of records) {
        if (call.cancelled) return;
        const bytes = SERVICE.Watch.encodeResponse({ ...NO_RECORD, ...record });
        if (!call.write(bytes)) await drained(call);
      }
      call.end();
    } catch (error) {
      this.#logFailure('Watch', error);
      call.emit('error', toStatus(error));
    }
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
