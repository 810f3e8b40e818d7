/** The agent's API on a Unix socket that only its owner may use. */
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
  type sendUnaryData,
  Metadata,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { z } from 'zod';
import { timerMs } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { HostAgent } from '../executor/host-agent.ts';
import { isBug } from '../observe/fail-stop.ts';
import { errorOf, refusalOf } from '../model/failure.ts';
import { deployResponse, invokeResponse } from './responses.ts';
import { methodOf, type MethodName, withCheckedNumbers } from './service.ts';
import { SocketPlace } from './socket.ts';
import { InvocationNotDone, toStatus } from './status-codes.ts';
import { check, checkInvoke, checkSpec } from './validate.ts';

export interface AgentServerOptions {
  readonly agent: HostAgent;
  readonly socket_path: string;
  /** The claimed place of the socket, which close() gives back. Default: claimed by listen(). */
  readonly place?: SocketPlace;
  readonly log: Logger;
}

/** `onGone` registers what is to be done when the caller cancels or goes away. */
type Handler = (request: unknown, onGone: (run: () => void) => void) => Promise<object>;

const named = z.object({ function: z.string() });
const statusRequest = named.extend({ with_state: z.boolean() });
const watchRequest = z.object({ memory_interval_ms: z.number().finite().nonnegative() });
const deployRequest = z.object({ function: z.unknown() });

export class AgentServer {
  readonly #server: Server;
  readonly #place: SocketPlace;
  readonly #options: AgentServerOptions;

  private constructor(server: Server, place: SocketPlace, options: AgentServerOptions) {
    this.#server = server;
    this.#place = place;
    this.#options = options;
  }

  /** Throws HP_AGENT_SOCKET_IN_USE when another agent listens there, HP_AGENT_SOCKET else. */
  static async listen(options: AgentServerOptions): Promise<AgentServer> {
    const place = options.place ?? (await SocketPlace.claim(options.socket_path));
    const server = new Server({ 'grpc.max_receive_message_length': LIMITS.agent_message_bytes });
    const result = new AgentServer(server, place, options);
    result.#addService();
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

  #addService(): void {
    const { agent } = this.#options;
    const unary: Readonly<Record<Exclude<MethodName, 'Watch'>, Handler>> = {
      Deploy: async (request) => {
        const spec = checkSpec(check(deployRequest, request, 'request').function);
        return deployResponse(await agent.deploy(spec));
      },
      Invoke: async (request, onGone) => {
        const { function: name, invocation_id, work } = checkInvoke(request);
        const reply = await agent.invoke(name, invocation_id, work, onGone);
        const response = invokeResponse(reply);
        if (!reply.failure) return response;
        const { encodeResponse } = methodOf('Invoke');
        throw new InvocationNotDone(errorOf(reply.failure), encodeResponse(response));
      },
      Status: (request) => {
        const { function: name, with_state } = check(statusRequest, request, 'request');
        return agent.status(name, with_state);
      },
      Remove: async (request) => {
        const { function: name } = check(named, request, 'request');
        return { finished_at_ms: await agent.remove(name) };
      },
      Drain: (request) => agent.drain(check(named, request, 'request').function),
    };
    const names: MethodName[] = ['Deploy', 'Invoke', 'Status', 'Remove', 'Drain', 'Watch'];
    const definition = Object.fromEntries(
      names.map((name) => {
        const method = methodOf(name);
        const { path, responseStream } = method;
        const serializers = {
          requestSerialize: method.encodeRequest,
          requestDeserialize: method.decodeRequest,
          responseSerialize: method.encodeResponse,
          responseDeserialize: method.decodeResponse,
        };
        return [name, { path, requestStream: false, responseStream, ...serializers }];
      }),
    );
    const implementation: UntypedServiceImplementation = {
      Watch: (call: ServerWritableStream<unknown, object>) => void this.#watch(call),
    };
    for (const [name, handler] of Object.entries(unary)) {
      implementation[name] = this.#unary(name, handler);
    }
    this.#server.addService(definition, implementation);
  }

  #unary(name: string, handler: Handler) {
    const { agent } = this.#options;
    return (call: ServerUnaryCall<unknown, object>, done: sendUnaryData<object>): void => {
      const onGone = (run: () => void): void => void call.on('cancelled', run);
      const answer = async (): Promise<void> => {
        try {
          const request = withCheckedNumbers(`${name}Request`, call.request);
          done(null, await handler(request, onGone));
        } catch (error) {
          if (isBug(error)) agent.failStop(error, { method: name });
          this.#logFailure(name, error);
          done(toStatus(error));
        }
      };
      void answer();
    };
  }

  /** A refused request is the caller's affair (debug); what we did not foresee is ours (error). */
  #logFailure(method: string, error: unknown): void {
    if (error instanceof InvocationNotDone) return;
    const level = isHotplaneError(error) ? 'debug' : 'error';
    this.#options.log[level]({ method, err: refusalOf(error) }, 'a call was not served');
  }

  async #watch(call: ServerWritableStream<unknown, object>): Promise<void> {
    try {
      const request = check(watchRequest, call.request, 'request');
      const records = this.#options.agent.watch(request.memory_interval_ms);
      call.on('cancelled', () => records.close());
      // Tells the caller that from here on nothing is missed.
      call.sendMetadata(new Metadata());
      for await (const record of records) {
        if (call.cancelled) return;
        if (!call.write(record)) await drained(call);
      }
      call.end();
    } catch (error) {
      this.#logFailure('Watch', error);
      call.emit('error', toStatus(error));
    }
  }
}

/** Until the caller has read what it was sent, or went away. */
function drained(call: ServerWritableStream<unknown, object>): Promise<void> {
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
