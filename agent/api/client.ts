/** The agent's API as a TypeScript client: the only way other folders talk to an agent. */
import {
  type ChannelCredentials,
  Client,
  credentials,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { timerMs } from '../../base/clock.ts';
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { checkSocketPath } from '../../base/safe-path.ts';
import type { DagSpec } from '../model/dag.ts';
import type {
  AgentCallOptions,
  DagInvoked,
  EndedFilter,
  Invoke,
  Invoked,
  ListFilter,
  WatchOptions,
} from './call-types.ts';
import type {
  DagStatus,
  DeployDagResponse,
  InvokeDagRequest,
  RemoveDagResponse,
} from '../model/dag-messages.ts';
import type { CordonRequest, Host, UncordonRequest } from '../model/host-messages.ts';
import type { EstimateRequest, EstimateResponse, ExplainResponse } from '../model/span-messages.ts';
import type { DeployResponse, DrainResponse, InvokeRequest } from '../model/messages.ts';
import type { OutputEntry, RemoveResponse, StatusResponse } from '../model/messages.ts';
import type {
  FunctionRow,
  InstanceRow,
  ListRequest,
  OperationEntry,
  OperationRow,
  RegionRow,
  VmRow,
} from '../model/list-messages.ts';
import type { AgentRecord, RecordKind } from '../model/records.ts';
import type { SetTargetsRequest, Targets } from '../model/targets.ts';
import { wholeStatus } from '../model/status-parts.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { partsOf } from './parts.ts';
import { type Method, SERVICE } from './service.ts';
import { whileAgentsCome } from './ask-again.ts';
import { fromStatus, isUnknownMethod, replyOf } from './status-codes.ts';

export type * from './call-types.ts';
export type * from '../model/dag-messages.ts';
export type * from '../model/host-messages.ts';
export type * from '../model/list-messages.ts';
export type * from '../model/messages.ts';
export type * from '../model/records.ts';
export type { FunctionSpec } from '../model/spec.ts';

interface ListPage<Row> {
  readonly rows: readonly Row[];
  readonly next_page_token: string | null;
}

/** One invocation whose caller does not say how long it may take. */
const CALL_MS =
  AGENT_LIMITS.invocation_queued_ms + AGENT_LIMITS.program_start_ms + AGENT_LIMITS.invocation_ms;

/** Booting a VM, filling its regions included. */
const DEPLOY_MS = LIMITS.vmm_start_ms + LIMITS.guest_hello_ms + 2 * LIMITS.plug_ms;
const REMOVE_MS = AGENT_LIMITS.remove_drain_ms + LIMITS.unplug_ms + 2 * LIMITS.instance_stop_ms;

/** Every method throws HotplaneError: the agent's own, or HP_AGENT_UNREACHABLE and the like. */
export class AgentClient {
  readonly socket_path: string;
  readonly #client: Client;

  /**
   * `tls` (see tls.ts): `socket_path` is HOST:PORT of an agent on the network. Throws
   * HP_AGENT_SOCKET when the path is longer than that of a socket can be.
   */
  constructor(socket_path: string, tls?: ChannelCredentials) {
    if (!tls) checkSocketPath(socket_path);
    this.socket_path = socket_path;
    const target = tls ? socket_path : `unix:${socket_path}`;
    this.#client = new Client(target, tls ?? credentials.createInsecure(), {
      'grpc.max_receive_message_length': AGENT_LIMITS.message_bytes,
      // A missing agent is told at once; whoever wants to wait for it calls again.
      'grpc.enable_retries': 0,
    });
  }

  /** A function that is there with another spec is a conflict, unless it is to be updated. */
  deploy(
    spec: FunctionSpec,
    options: AgentCallOptions & { readonly update?: boolean; readonly dry_run?: boolean } = {},
  ): Promise<DeployResponse> {
    const { update = false, dry_run = false, ...rest } = options;
    return this.#call(SERVICE.Deploy, { function: spec, update, dry_run }, DEPLOY_MS, rest);
  }

  /**
   * Resolves also when the invocation was refused or failed, though the status of the call is then
   * an error: see `outcome`, and `failure` for the whole of it. With a key, a call that lost its
   * agent is asked again of the next one, which has a minute to come.
   */
  async invoke(
    { idempotency_key = null, ...call }: Invoke,
    options: AgentCallOptions = {},
  ): Promise<Invoked> {
    const request = { ...call, idempotency_key };
    if (idempotency_key === null) return await this.#invoke(request, options);
    return await whileAgentsCome(() => this.#invoke(request, options), options.signal);
  }

  async #invoke(request: InvokeRequest, options: AgentCallOptions): Promise<Invoked> {
    const run_ms = request.timeout_ms ?? AGENT_LIMITS.invocation_ms;
    const deadline_ms = AGENT_LIMITS.invocation_queued_ms + AGENT_LIMITS.program_start_ms + run_ms;
    const reply = await this.#call(SERVICE.Invoke, request, deadline_ms, options, notDone);
    const { record, payload, content_type, status, headers } = reply;
    const http = status === null ? null : { status, headers };
    const answer = payload && { bytes: payload, content_type: content_type ?? '', http };
    return { ...record, answer, ...('failure' in reply ? { failure: reply.failure } : {}) };
  }

  /** One function, or all when `name` is empty; an agent that knows no parts is asked for all. */
  async status(
    name = '',
    options: AgentCallOptions & { readonly with_state?: boolean } = {},
  ): Promise<StatusResponse> {
    const { with_state = false, deadline_ms = LIMITS.agent_call_ms, signal } = options;
    const request = { function: name === '' ? null : name, with_state };
    const deadline = Date.now() + timerMs(deadline_ms);
    try {
      const part_call = { deadline, signal };
      return wholeStatus(await partsOf(this.#client, SERVICE.StatusParts, request, part_call));
    } catch (error) {
      if (!isServiceError(error)) throw error;
      if (!isUnknownMethod(error)) throw fromStatus(error, this.socket_path);
    }
    return await this.#call(SERVICE.Status, request, LIMITS.agent_call_ms, options);
  }

  remove(name: string, options: AgentCallOptions = {}): Promise<RemoveResponse> {
    return this.#call(SERVICE.Remove, { function: name }, REMOVE_MS, options);
  }

  /** `vm_id`: that VM alone, which is then ended and replaced. */
  drain(
    name: string,
    { vm_id = null, ...options }: AgentCallOptions & { readonly vm_id?: string | null } = {},
  ): Promise<DrainResponse> {
    const usual_ms = REMOVE_MS + (vm_id === null ? 0 : AGENT_LIMITS.vm_retire_ms + DEPLOY_MS);
    return this.#call(SERVICE.Drain, { function: name, vm_id }, usual_ms, options);
  }

  /** A DAG over functions that are deployed, or another in its place. */
  deployDag(dag: DagSpec, options: AgentCallOptions = {}): Promise<DeployDagResponse> {
    return this.#call(SERVICE.DeployDag, { dag }, LIMITS.agent_call_ms, options);
  }

  /** Resolves also when it failed: see `outcome`, and `failure` for the whole of it. */
  async invokeDag(request: InvokeDagRequest, options: AgentCallOptions = {}): Promise<DagInvoked> {
    const deadline_ms = AGENT_LIMITS.dag_stages * CALL_MS;
    const reply = await this.#call(SERVICE.InvokeDag, request, deadline_ms, options, notDone);
    const { record, payload, content_type } = reply;
    const answer = payload && { bytes: payload, content_type: content_type ?? '' };
    return { ...record, answer, ...('failure' in reply ? { failure: reply.failure } : {}) };
  }

  /** Its functions stay. */
  removeDag(dag: string, options: AgentCallOptions = {}): Promise<RemoveDagResponse> {
    return this.#call(SERVICE.RemoveDag, { dag }, LIMITS.agent_call_ms, options);
  }

  /** By name; one alone, or all (null). */
  async dags(
    dag: string | null = null,
    options: AgentCallOptions = {},
  ): Promise<readonly DagStatus[]> {
    return (await this.#call(SERVICE.ListDags, { dag }, LIMITS.agent_call_ms, options)).dags;
  }

  /** The host takes no new work from now on; what it is then. */
  cordon(request: CordonRequest, options: AgentCallOptions = {}): Promise<Host> {
    return this.#call(SERVICE.Cordon, request, LIMITS.agent_call_ms, options);
  }

  /** It takes new work again. */
  uncordon(request: UncordonRequest, options: AgentCallOptions = {}): Promise<Host> {
    return this.#call(SERVICE.Uncordon, request, LIMITS.agent_call_ms, options);
  }

  /** The host as a whole, by the book of the agent. */
  host(options: AgentCallOptions = {}): Promise<Host> {
    return this.#call(SERVICE.GetHost, {}, LIMITS.agent_call_ms, options);
  }

  /** Bounds and wishes for a function, which go before its definition; what holds then. */
  setTargets(request: SetTargetsRequest, options: AgentCallOptions = {}): Promise<Targets> {
    return this.#call(SERVICE.SetTargets, request, LIMITS.agent_call_ms, options);
  }

  targets(name: string, options: AgentCallOptions = {}): Promise<Targets> {
    return this.#call(SERVICE.GetTargets, { function: name }, LIMITS.agent_call_ms, options);
  }

  /** Why this instance has the memory it has. */
  explain(instance_id: string, options: AgentCallOptions = {}): Promise<ExplainResponse> {
    return this.#call(SERVICE.Explain, { instance_id }, LIMITS.agent_call_ms, options);
  }

  /** What a call with this payload would take; it is not made. */
  estimate(request: EstimateRequest, options: AgentCallOptions = {}): Promise<EstimateResponse> {
    return this.#call(SERVICE.Estimate, request, LIMITS.agent_call_ms, options);
  }

  /** What the instances of a function wrote after entry number `after`; 0: all that is kept. */
  async logs(
    name: string,
    after: number,
    options: AgentCallOptions = {},
  ): Promise<readonly OutputEntry[]> {
    const request = { function: name, after };
    return (await this.#call(SERVICE.Logs, request, LIMITS.agent_call_ms, options)).entries;
  }

  /** By the book of the agent, page after page, each asked for when the one before was read. */
  functions(filter: ListFilter = {}, options: AgentCallOptions = {}): AsyncGenerator<FunctionRow> {
    return this.#rows(SERVICE.ListFunctions, filter, options);
  }

  vms(filter: ListFilter = {}, options: AgentCallOptions = {}): AsyncGenerator<VmRow> {
    return this.#rows(SERVICE.ListVms, filter, options);
  }

  instances(filter: ListFilter = {}, options: AgentCallOptions = {}): AsyncGenerator<InstanceRow> {
    return this.#rows(SERVICE.ListInstances, filter, options);
  }

  regions(filter: ListFilter = {}, options: AgentCallOptions = {}): AsyncGenerator<RegionRow> {
    return this.#rows(SERVICE.ListRegions, filter, options);
  }

  /** Resizes in flight. */
  operations(
    filter: ListFilter = {},
    options: AgentCallOptions = {},
  ): AsyncGenerator<OperationRow> {
    return this.#rows(SERVICE.ListOperations, filter, options);
  }

  async *#rows<Row>(
    method: Method<ListRequest, ListPage<Row>>,
    filter: ListFilter,
    options: AgentCallOptions,
  ): AsyncGenerator<Row> {
    const { function: name = null, vm_id = null, state = null, page_size = null } = filter;
    let page_token: string | null = null;
    do {
      const request: ListRequest = { function: name, vm_id, state, page_size, page_token };
      const page: ListPage<Row> = await this.#call(method, request, LIMITS.agent_call_ms, options);
      yield* page.rows;
      page_token = page.next_page_token;
    } while (page_token !== null);
  }

  /** Operations that ended, after the one numbered `after`; absent: all that are kept. */
  async *endedOperations(
    filter: EndedFilter = {},
    signal?: AbortSignal,
  ): AsyncGenerator<OperationEntry> {
    const { after = null, function: name = null, vm_id = null, follow = false } = filter;
    const request = { after, function: name, vm_id, follow };
    yield* await this.#stream(SERVICE.WatchOperations, request, signal);
  }

  /** Resolves when the agent has begun to record: nothing that happens after it is missed. */
  async watch(options: WatchOptions = {}): Promise<AsyncIterable<AgentRecord>> {
    const { memory_interval_ms = null, records = [], signal } = options;
    const request = { memory_interval_ms, records: [...records] };
    return recordsOf(await this.#stream(SERVICE.Watch, request, signal));
  }

  /** Resolves when the agent has taken the request. */
  async #stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<AsyncGenerator<Response>> {
    const bytes = method.encodeRequest(request);
    const call = this.#client.makeServerStreamRequest(method.path, asIs, asIs, bytes);
    signal?.addEventListener('abort', () => call.cancel(), { once: true });
    if (signal?.aborted) call.cancel();
    await new Promise<Metadata>((resolve, reject) => {
      call.once('metadata', resolve);
      call.once('error', (error: ServiceError) => reject(fromStatus(error, this.socket_path)));
    });
    return this.#responses(method, call, signal);
  }

  async *#responses<Request, Response>(
    method: Method<Request, Response>,
    call: AsyncIterable<Buffer> & { cancel(): void },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Response> {
    try {
      for await (const bytes of call) yield method.decodeResponse(bytes);
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

  async #call<Request, Response, Result = Response>(
    method: Method<Request, Response>,
    request: Request,
    usual_ms: number,
    options: AgentCallOptions,
    whenNotDone?: (reply: Response, failure: HotplaneError) => Result,
  ): Promise<Response | Result> {
    const bytes = method.encodeRequest(request);
    const ended = await this.#exchange(method.path, bytes, usual_ms, options);
    if (!(ended instanceof Error)) return method.decodeResponse(ended);
    const failure = fromStatus(ended, this.socket_path);
    const reply = replyOf(ended);
    if (reply && whenNotDone) return whenNotDone(method.decodeResponse(reply), failure);
    throw failure;
  }

  /** What came back: the answer, or why there is none. */
  #exchange(
    path: string,
    request: Buffer,
    usual_ms: number,
    { deadline_ms = usual_ms, signal }: AgentCallOptions,
  ): Promise<Buffer | ServiceError> {
    const deadline = Date.now() + timerMs(deadline_ms);
    return new Promise((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        request,
        { deadline },
        (error, response) => {
          // A signal may outlive many calls: it must not keep them.
          signal?.removeEventListener('abort', cancel);
          const ended = error ?? response;
          if (ended) resolve(ended);
          else reject(new Error('a call ended with neither an answer nor an error'));
        },
      );
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted) cancel();
    });
  }
}

const notDone = <Reply>(reply: Reply, failure: HotplaneError) => ({ ...reply, failure });

/** Exactly one record is told in each. */
async function* recordsOf(
  told: AsyncIterable<Readonly<Record<RecordKind, AgentRecord[RecordKind] | null>>>,
): AsyncGenerator<AgentRecord> {
  for await (const records of told) {
    yield Object.fromEntries(Object.entries(records).filter(([, record]) => record !== null));
  }
}

/** Messages are made and read here, where their errors can be told. */
const asIs = (bytes: Buffer): Buffer => bytes;

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error;
}
