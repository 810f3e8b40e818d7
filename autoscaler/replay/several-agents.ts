/**
 * Several agents in one replay: each function is of one of them, as functions of the simulator are
 * of its hosts, and each agent has memory of its own. To a run they are one agent: what they tell
 * comes as one stream, and ids that each of them counts for itself say whose they are (`a2.vm1`).
 */
import type { Decision, Invocation, Operation } from './agent-api.ts';
import type { AgentApi, AgentCallOptions, AgentRecord, WatchOptions } from './agent-api.ts';
import type { DeployResponse, FunctionSpec, Invoked, InvokeRequest } from './agent-api.ts';
import type { StatusResponse } from './agent-api.ts';
import { wholeStatus } from '../../agent/model/status-parts.ts';
import { spreadByLoad } from '../workload-model/spread.ts';
import type { AgentSession } from './replay.ts';

/** Of the plan: what decides which agent has which function. */
interface Placed {
  readonly functions: readonly { readonly name: string; readonly limit_bytes: number }[];
  readonly arrivals: readonly { readonly function: string; readonly duration_ms: number }[];
}

/** The agent of each function, from 0 on: those with the most memory times running time first. */
export function placeOnAgents(
  { functions, arrivals }: Placed,
  agents: number,
): ReadonlyMap<string, number> {
  const planned_ms = new Map<string, number>();
  for (const { function: name, duration_ms } of arrivals) {
    planned_ms.set(name, (planned_ms.get(name) ?? 0) + duration_ms);
  }
  const loads = functions.map(({ name, limit_bytes }) => (planned_ms.get(name) ?? 0) * limit_bytes);
  const agent_of = spreadByLoad(loads, agents);
  return new Map(functions.map(({ name }, index) => [name, agent_of[index] ?? 0]));
}

/** All of them as one; a function that is not placed is of the first. */
export function joinSessions(
  sessions: readonly AgentSession[],
  agent_of: ReadonlyMap<string, number>,
): AgentSession {
  return {
    api: new SeveralAgents(
      sessions.map(({ api }) => api),
      agent_of,
    ),
    is_ours: sessions.every(({ is_ours }) => is_ours),
    harm: {
      signalVmm: async (vm_id, signal) => {
        const { agent, id } = parted(vm_id);
        const harm = sessions[agent]?.harm;
        if (!harm) throw new Error(`no agent has ${vm_id}`);
        await harm.signalVmm(id, signal);
      },
      // Refused where the options are read: nobody says which one.
      replaceAgent: async () => await Promise.reject(new Error('it is not said which agent')),
    },
    close: async () => {
      const ends = await Promise.allSettled(sessions.map((session) => session.close()));
      const failed = ends.find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}

class SeveralAgents implements AgentApi {
  readonly #agents: readonly AgentApi[];
  readonly #agent_of: ReadonlyMap<string, number>;

  constructor(agents: readonly AgentApi[], agent_of: ReadonlyMap<string, number>) {
    this.#agents = agents;
    this.#agent_of = agent_of;
  }

  async deploy(spec: FunctionSpec, options?: AgentCallOptions): Promise<DeployResponse> {
    const { api, mark } = this.#of(spec.name);
    const response = await api.deploy(spec, options);
    return { ...response, vm_id: mark(response.vm_id) };
  }

  async invoke(request: InvokeRequest, options?: AgentCallOptions): Promise<Invoked> {
    const { api, mark } = this.#of(request.function);
    return invocationOf(await api.invoke(request, options), mark);
  }

  async status(name: string, options?: AgentCallOptions): Promise<StatusResponse> {
    const asked = name === '' ? [...this.#agents.keys()] : [this.#agent_of.get(name) ?? 0];
    const parts = await Promise.all(
      asked.map(async (agent) => {
        const { api, mark } = this.#at(agent);
        const part = await api.status(name, options);
        const functions = part.functions.map((one) =>
          one.vm_id === '' ? one : { ...one, vm_id: mark(one.vm_id) },
        );
        return { ...part, functions };
      }),
    );
    const sum = (of: (part: StatusResponse) => number): number =>
      parts.reduce((has, part) => has + of(part), 0);
    return {
      ...wholeStatus(parts),
      host_limit_bytes: sum((part) => part.host_limit_bytes),
      permits_bytes: sum((part) => part.permits_bytes),
      granted_bytes: sum((part) => part.granted_bytes),
      free_bytes: sum((part) => part.free_bytes),
    };
  }

  async remove(name: string, options?: AgentCallOptions) {
    return await this.#of(name).api.remove(name, options);
  }

  /** What the core of each was told is left out: it could be played again by one core alone. */
  async watch(options: WatchOptions = {}): Promise<AsyncIterable<AgentRecord>> {
    const records = options.records?.filter((kind) => kind !== 'event');
    const own = { ...options, ...(records && { records }) };
    const streams = await Promise.all(this.#agents.map((api) => api.watch(own)));
    return merged(streams.map((stream, agent) => markedRecords(stream, markOf(agent))));
  }

  close(): void {
    for (const api of this.#agents) api.close();
  }

  #of(name: string): { readonly api: AgentApi; readonly mark: Mark } {
    return this.#at(this.#agent_of.get(name) ?? 0);
  }

  #at(agent: number): { readonly api: AgentApi; readonly mark: Mark } {
    const api = this.#agents[agent];
    if (!api) throw new Error(`there is no agent ${agent + 1}`);
    return { api, mark: markOf(agent) };
  }
}

/** An id that an agent counted, with whose it is; null stays null. */
type Mark = <T extends string | null>(id: T) => T;

function markOf(agent: number): Mark {
  return <T extends string | null>(id: T): T =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a text in the place of one
    (id === null ? id : `a${agent + 1}.${id}`) as T;
}

function parted(marked: string): { readonly agent: number; readonly id: string } {
  const { agent = '0', id = '' } = /^a(?<agent>\d+)\.(?<id>.*)$/.exec(marked)?.groups ?? {};
  return { agent: Number(agent) - 1, id };
}

async function* markedRecords(
  records: AsyncIterable<AgentRecord>,
  mark: Mark,
): AsyncIterable<AgentRecord> {
  for await (const { operation, decision, memory, invocation, ...others } of records) {
    yield {
      ...others,
      ...(operation && { operation: operationOf(operation, mark) }),
      ...(decision && { decision: decisionOf(decision, mark) }),
      ...(memory && { memory: { ...memory, vm_id: mark(memory.vm_id) } }),
      ...(invocation && { invocation: invocationOf(invocation, mark) }),
    };
  }
}

const operationOf = (one: Operation, mark: Mark): Operation => ({
  ...one,
  id: mark(one.id),
  vm_id: mark(one.vm_id),
  instance_id: mark(one.instance_id),
});

const invocationOf = <T extends Invocation>(one: T, mark: Mark): T => ({
  ...one,
  instance_id: mark(one.instance_id),
  operation_id: mark(one.operation_id),
});

const decisionOf = (one: Decision, mark: Mark): Decision => ({ ...one, vm_id: mark(one.vm_id) });

/** What comes first is told first, in turn; where one of them ends or fails, all do. */
async function* merged<T>(streams: readonly AsyncIterable<T>[]): AsyncIterable<T> {
  const all = streams.map((stream) => stream[Symbol.asyncIterator]());
  const open = new Map<number, Promise<{ from: number; next: IteratorResult<T> }>>();
  const ask = (from: number): void => {
    const asked = nextOf(all, from);
    // Told when it is awaited, which it is not any more when another one has ended.
    asked.catch(() => {});
    open.set(from, asked);
  };
  for (const from of all.keys()) ask(from);
  for (;;) {
    const { from, next } = await Promise.race(open.values());
    if (next.done) return;
    // Behind the others, so that none is kept waiting by one that tells much.
    open.delete(from);
    ask(from);
    yield next.value;
  }
}

async function nextOf<T>(
  all: readonly AsyncIterator<T>[],
  from: number,
): Promise<{ from: number; next: IteratorResult<T> }> {
  const next = (await all[from]?.next()) ?? { done: true, value: undefined };
  return { from, next };
}
