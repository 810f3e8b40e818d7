/** What each method of the API does with an agent. */
import type { HostAgent } from '../executor/host-agent.ts';
import { errorOf } from '../model/failure.ts';
import type { Role } from '../model/methods.ts';
import { NO_RECORD } from '../model/records.ts';
import { REFUSALS } from '../model/refusals.ts';
import {
  listFunctions,
  listInstances,
  listOperations,
  listRegions,
  listVms,
} from '../observe/lists.ts';
import { authorOf, type Peer } from './peers.ts';
import { type Method, SERVICE } from './service.ts';
import { partWriter, statusBytes } from './status-bytes.ts';
import { InvocationNotDone } from './status-codes.ts';

/** Registers what is to be done when the caller cancels or goes away. */
export type OnGone = (run: () => void) => void;

/** The call that a request came with. */
export interface IncomingCall {
  readonly peer: Peer;
  readonly onGone: OnGone;
}

interface About {
  readonly name: string;
  readonly path: string;
  readonly role: Role;
}

/** Bytes in, bytes out: what is wrong with either is told as the method tells it. */
export interface UnaryHandler extends About {
  readonly serve: (agent: HostAgent, request: Buffer, call: IncomingCall) => Promise<Buffer>;
}

export interface StreamHandler extends About {
  /** Throws before anything was promised; what it returns begins at the call. */
  readonly open: (agent: HostAgent, request: Buffer, gone: AbortSignal) => AsyncIterable<Buffer>;
}

type Run<Request, Response> = (
  agent: HostAgent,
  request: Request,
  call: IncomingCall,
) => Response | Promise<Response>;

function unary<Request, Response>(
  method: Method<Request, Response>,
  run: Run<Request, Response>,
  encode: (response: Response) => Buffer | Promise<Buffer> = method.encodeResponse,
): UnaryHandler {
  const { name, path, role } = method;
  return {
    name,
    path,
    role,
    serve: async (agent, request, call) =>
      await encode(await run(agent, method.decodeRequest(request), call)),
  };
}

export const UNARY: readonly UnaryHandler[] = [
  unary(SERVICE.Deploy, async (agent, { function: spec, ...how }, { peer }) => {
    const { kind: _, facts, ...rest } = await agent.deploy(spec, peer.name, how);
    return { ...facts, ...rest };
  }),
  unary(SERVICE.Invoke, async (agent, { function: name, invocation_id, ...asked }, call) => {
    const { peer, onGone } = call;
    const end = await agent.invoke(name, invocation_id, { ...asked, peer: peer.name }, onGone);
    const { failure, answer, ...record } = end;
    const { bytes: payload = null, content_type = null, http } = answer ?? {};
    const { status = null, headers = [] } = http ?? {};
    const reply = { record, payload, content_type, status, headers };
    // A function that failed was served: its answer says how, and is no matter of a trailer.
    if (!failure || failure.code === 'HP_AGENT_FUNCTION_FAILED') return reply;
    throw new InvocationNotDone(errorOf(failure), SERVICE.Invoke.encodeResponse(reply));
  }),
  unary(
    SERVICE.Status,
    (agent, request) => agent.status(request.function ?? '', request.with_state),
    statusBytes,
  ),
  unary(SERVICE.Remove, async (agent, request, { peer }) => ({
    finished_at_ms: await agent.remove(request.function, undefined, peer.name),
  })),
  unary(SERVICE.Cordon, (agent, request, { peer }) =>
    agent.operator.cordon({ ...request, author: authorOf(peer, request.author) }),
  ),
  unary(SERVICE.Uncordon, (agent, request, { peer }) =>
    agent.operator.uncordon({ ...request, author: authorOf(peer, request.author) }),
  ),
  unary(SERVICE.GetHost, (agent) => agent.operator.host()),
  unary(SERVICE.SetTargets, (agent, request, { peer }) =>
    agent.operator.setTargets({ ...request, author: authorOf(peer, request.author) }, peer.name),
  ),
  unary(SERVICE.GetTargets, (agent, request) => agent.operator.targets(request.function)),
  unary(SERVICE.Drain, (agent, { function: name, vm_id }, { peer }) =>
    agent.drain(name, vm_id, peer.name),
  ),
  unary(SERVICE.Explain, (agent, request) => agent.explain(request.instance_id)),
  unary(SERVICE.Estimate, (agent, request) => agent.estimate(request)),
  unary(SERVICE.Logs, ({ logs, state }, { function: name, after }) => {
    if (!logs.has(name) && !state.functions.has(name)) throw errorOf(REFUSALS.noFunction(name));
    return { entries: logs.read(name, after) };
  }),
  unary(SERVICE.ListFunctions, (agent, request) => listFunctions(agent.state, request)),
  unary(SERVICE.ListVms, (agent, request) => listVms(agent.state, request)),
  unary(SERVICE.ListInstances, (agent, request) => listInstances(agent.state, request)),
  unary(SERVICE.ListRegions, (agent, request) => listRegions(agent.state, request)),
  unary(SERVICE.ListOperations, (agent, request) => listOperations(agent.state, request)),
  unary(SERVICE.DeployDag, (agent, { dag }, { peer }) => agent.dags.deploy(dag, peer.name)),
  unary(SERVICE.InvokeDag, async (agent, { dag, ...asked }, { peer, onGone }) => {
    const end = await agent.dags.invoke(dag, { ...asked, peer: peer.name }, onGone);
    const { record, answer, failure } = end;
    const { bytes: payload = null, content_type = null } = answer ?? {};
    const reply = { record, payload, content_type };
    if (!failure) return reply;
    throw new InvocationNotDone(errorOf(failure), SERVICE.InvokeDag.encodeResponse(reply));
  }),
  unary(SERVICE.RemoveDag, async (agent, { dag }, { peer }) => {
    await agent.dags.remove(dag, peer.name);
    return {};
  }),
  unary(SERVICE.ListDags, (agent, { dag }) => ({ dags: agent.dags.list(dag) })),
];

type Open<Request, Response> = (
  agent: HostAgent,
  request: Request,
  gone: AbortSignal,
) => AsyncIterable<Response>;

function stream<Request, Response, Told>(
  method: Method<Request, Response>,
  open: Open<Request, Told>,
  responseOf: (told: Told) => Response,
  /** Of one call. */
  writer: () => (response: Response) => Buffer = () => method.encodeResponse,
): StreamHandler {
  const { name, path, role } = method;
  return {
    name,
    path,
    role,
    open: (agent, request, gone) => {
      const opened = open(agent, method.decodeRequest(request), gone);
      const write = writer();
      return (async function* () {
        for await (const told of opened) yield write(responseOf(told));
      })();
    },
  };
}

export const STREAMS: readonly StreamHandler[] = [
  stream(
    SERVICE.StatusParts,
    (agent, request) => agent.statusParts(request.function ?? '', request.with_state),
    (part) => part,
    partWriter,
  ),
  stream(
    SERVICE.Watch,
    (agent, request, gone) => {
      const records = agent.watch(request);
      gone.addEventListener('abort', () => records.close(), { once: true });
      return records;
    },
    (record) => ({ ...NO_RECORD, ...record }),
  ),
  stream(
    SERVICE.WatchOperations,
    (agent, { after, function: name, vm_id, follow }, gone) =>
      agent.hub.operations.read({
        after,
        wants: (one) =>
          (name === null || name === one.function) && (vm_id === null || vm_id === one.vm_id),
        follow: follow ? gone : null,
      }),
    (entry) => entry,
  ),
];
