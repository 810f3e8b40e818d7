/** The agent's API as a TypeScript client: the only way other folders talk to an agent. */
import { Client, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { z } from 'zod';
import { timerMs } from '../../base/clock.ts';
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { checkSocketPath } from '../../base/safe-path.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type {
  AgentRecord,
  DeployResponse,
  DrainResponse,
  InvokeRequest,
  InvokeResponse,
  RemoveResponse,
  StatusResponse,
} from '../model/messages.ts';
import { methodOf, type MethodName, withCheckedNumbers } from './service.ts';
import { fromStatus, replyOf } from './status-codes.ts';

export type * from '../model/messages.ts';
export type { Backing, FunctionSpec } from '../model/spec.ts';

export interface CallOptions {
  /** How long the whole call may take; each method has a default that fits what it does. */
  readonly deadline_ms?: number;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  /** Longest time between two memory records of a VM; 0 or absent: the agent's usual. */
  readonly memory_interval_ms?: number;
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal;
}

export interface Invoked extends InvokeResponse {
  /** Why it was not done, with what to do next; absent when it was. */
  readonly failure?: HotplaneError;
}

/** What decoded messages are. The proto decodes nothing else, so there is nothing left to check. */
const SHAPES = {
  deploy: z.custom<DeployResponse>(),
  invoke: z.custom<Invoked>(),
  status: z.custom<StatusResponse>(),
  remove: z.custom<RemoveResponse>(),
  drain: z.custom<DrainResponse>(),
  record: z.custom<AgentRecord>(),
};

/** Booting a VM, filling its regions included. */
const DEPLOY_MS = LIMITS.vmm_start_ms + LIMITS.guest_hello_ms + 2 * LIMITS.plug_ms;
const REMOVE_MS = LIMITS.remove_drain_ms + LIMITS.unplug_ms + 2 * LIMITS.instance_stop_ms;

/** Every method throws HotplaneError: the agent's own, or HP_AGENT_UNREACHABLE and the like. */
export class AgentClient {
  readonly socket_path: string;
  readonly #client: Client;

  /** Throws HP_AGENT_SOCKET when the path is longer than that of a socket can be. */
  constructor(socket_path: string) {
    checkSocketPath(socket_path);
    this.socket_path = socket_path;
    this.#client = new Client(`unix:${socket_path}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': LIMITS.agent_message_bytes,
      // A missing agent is told at once; whoever wants to wait for it calls again.
      'grpc.enable_retries': 0,
    });
  }

  deploy(spec: FunctionSpec, options: CallOptions = {}): Promise<DeployResponse> {
    return this.#call('Deploy', SHAPES.deploy, { function: spec }, DEPLOY_MS, options);
  }

  /**
   * Resolves also when the invocation was refused or failed, though the status of the call is then
   * an error: see `outcome`, and `failure` for the whole of it.
   */
  invoke(request: InvokeRequest, options: CallOptions = {}): Promise<Invoked> {
    const { wall_ms, cpu_ms } = request.work;
    const run_ms = wall_ms + cpu_ms * LIMITS.regions_per_vm + LIMITS.invocation_grace_ms;
    const deadline_ms = LIMITS.invocation_queued_ms + LIMITS.instance_start_ms + run_ms;
    const notDone = (reply: Invoked, failure: HotplaneError): Invoked => ({ ...reply, failure });
    return this.#call('Invoke', SHAPES.invoke, request, deadline_ms, options, notDone);
  }

  /** One function, or all when `name` is empty. */
  status(
    name = '',
    options: CallOptions & { readonly with_state?: boolean } = {},
  ): Promise<StatusResponse> {
    const request = { function: name, with_state: options.with_state ?? false };
    return this.#call('Status', SHAPES.status, request, LIMITS.agent_call_ms, options);
  }

  remove(name: string, options: CallOptions = {}): Promise<RemoveResponse> {
    return this.#call('Remove', SHAPES.remove, { function: name }, REMOVE_MS, options);
  }

  drain(name: string, options: CallOptions = {}): Promise<DrainResponse> {
    return this.#call('Drain', SHAPES.drain, { function: name }, REMOVE_MS, options);
  }

  /** Resolves when the agent has begun to record: nothing that happens after it is missed. */
  async watch(options: WatchOptions = {}): Promise<AsyncIterable<AgentRecord>> {
    const method = methodOf('Watch');
    const decode = (bytes: Buffer): AgentRecord =>
      SHAPES.record.parse(withCheckedNumbers('Record', method.decodeResponse(bytes)));
    const request = { memory_interval_ms: options.memory_interval_ms ?? 0 };
    const call = this.#client.makeServerStreamRequest(
      method.path,
      method.encodeRequest,
      decode,
      request,
    );
    const { signal } = options;
    signal?.addEventListener('abort', () => call.cancel(), { once: true });
    if (signal?.aborted) call.cancel();
    await new Promise<Metadata>((resolve, reject) => {
      call.once('metadata', resolve);
      call.once('error', (error: ServiceError) => reject(fromStatus(error, this.socket_path)));
    });
    return this.#records(call, signal);
  }

  async *#records(
    call: AsyncIterable<AgentRecord> & { cancel(): void },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<AgentRecord> {
    try {
      yield* call;
    } catch (error) {
      if (signal?.aborted) return;
      throw isServiceError(error) ? fromStatus(error, this.socket_path) : error;
    } finally {
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #call<T>(
    name: MethodName,
    shape: z.ZodType<T>,
    request: object,
    usual_ms: number,
    options: CallOptions,
    notDone: (reply: T, failure: HotplaneError) => T = (reply) => reply,
  ): Promise<T> {
    const method = methodOf(name);
    const decode = (bytes: Buffer): T =>
      shape.parse(withCheckedNumbers(`${name}Response`, method.decodeResponse(bytes)));
    const deadline = Date.now() + timerMs(options.deadline_ms ?? usual_ms);
    const { signal } = options;
    return new Promise<T>((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.encodeRequest,
        decode,
        request,
        { deadline },
        (error, response) => {
          // A signal may outlive many calls: it must not keep them.
          signal?.removeEventListener('abort', cancel);
          const reply = error ? replyOf(error) : null;
          if (error && reply) resolve(notDone(decode(reply), fromStatus(error, this.socket_path)));
          else if (error) reject(fromStatus(error, this.socket_path));
          else if (response === undefined) reject(emptyAnswer(name));
          else resolve(response);
        },
      );
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted) cancel();
    });
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error;
}

function emptyAnswer(method: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_AGENT_CALL_FAILED',
    category: 'failure',
    message: `the agent answered ${method} with nothing.`,
    next: 'compare the versions of client and agent.',
  });
}
