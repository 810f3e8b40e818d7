/** One profile run: deploys, sends every arrival at its time, and keeps what it is told. */
import type { AgentClient } from '../../agent/api/client.ts';
import type { FunctionSpec } from '../../agent/model/spec.ts';
import type { Clock } from '../../base/clock.ts';
import { describeError, isHotplaneError } from '../../base/errors.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { waitFor } from '../../base/wait.ts';
import type { DeployResponse, Invocation } from '../replay/agent-api.ts';
import type { LoadSample } from '../replay/load.ts';
import { loadIntervalMs, recordLoad } from '../replay/load-recorder.ts';
import type { RunFacts } from '../replay/manifest.ts';
import { LEAD_MS, sendOpenLoop } from '../replay/open-loop.ts';
import { memoryStepLine, operationLine, type Sent, sentLine } from '../replay/records.ts';
import { RecordStream } from '../replay/record-stream.ts';
import { type ArchiveWriter, PROFILE_VERSION } from './archive.ts';
import type { ProfiledCall, ProfileManifest } from './archive.ts';
import { type AccessSource, CallAccesses, type RegionsOf } from './call-accesses.ts';
import type { WorkloadArrival } from './arrivals.ts';
import { profileError } from './errors.ts';
import { PROFILE_LIMITS } from './limits.ts';
import type { InstanceCall } from './payloads.ts';
import type { Workload } from './workload.ts';

/** What a profile run needs of an agent, so that tests can put a fake in its place. */
export type ProfiledAgent = Pick<
  AgentClient,
  'deploy' | 'drain' | 'invoke' | 'remove' | 'status' | 'watch'
>;

/** A function that the workload calls. */
export interface ProfiledFunction {
  readonly spec: FunctionSpec;
  readonly is_deployed_here: boolean;
}

export interface ProfilePlan {
  readonly workload: Workload;
  /** As the user named it. */
  readonly path: string;
  readonly sha256: string;
  readonly document: string;
  readonly seed: number;
  readonly seed_is_drawn: boolean;
  readonly arrivals: readonly WorkloadArrival[];
  /** By application of the workload. */
  readonly functions: ReadonlyMap<string, ProfiledFunction>;
  /** By instance of the workload. */
  readonly calls: ReadonlyMap<string, InstanceCall>;
}

export interface ProfileProgress {
  readonly phase: 'deploy' | 'send' | 'last replies' | 'drain';
  readonly elapsed_ms: number;
  readonly ended: number;
  readonly running: number;
}

export interface ProfileRunDependencies {
  readonly agent: ProfiledAgent;
  readonly clock: Clock;
  readonly facts: RunFacts;
  readonly writer: ArchiveWriter;
  readonly lookAtLoad: () => LoadSample;
  /** Counts of accesses, for which one call is made at a time; absent: nobody counts. */
  readonly accesses?: AccessSource | null;
  readonly onProgress: (progress: ProfileProgress) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Resolves when everything is written and what was deployed here is removed. Throws HP_PROFILE_*
 * after the same: what was seen is kept, and marked.
 */
export async function runProfile(plan: ProfilePlan, deps: ProfileRunDependencies): Promise<void> {
  await new ProfileRun(plan, deps).run();
}

class ProfileRun {
  readonly #plan: ProfilePlan;
  readonly #d: ProfileRunDependencies;
  readonly #stop = new AbortController();
  readonly #accesses: CallAccesses | null;
  readonly #deployed = new Map<string, DeployResponse>();
  readonly #mechanisms: ReadonlyMap<string, string>;
  #phase: ProfileProgress['phase'] = 'deploy';
  #start_ms: number | null = null;
  #observed_ms = 0;
  #ended = 0;
  #running = 0;
  #drained = false;

  constructor(plan: ProfilePlan, deps: ProfileRunDependencies) {
    this.#plan = plan;
    this.#d = deps;
    const regionsOf: RegionsOf = async (name, signal) => {
      const { functions } = await deps.agent.status(name, { signal });
      return functions.find((one) => one.function.name === name)?.regions ?? [];
    };
    this.#accesses = deps.accesses ? new CallAccesses(deps.accesses, regionsOf) : null;
    const specs = [...plan.functions.values()].map(({ spec }) => spec);
    this.#mechanisms = new Map(specs.map((spec) => [spec.name, spec.mechanism]));
  }

  async run(): Promise<void> {
    const { writer, signal, clock } = this.#d;
    const begin_ms = clock.nowMs();
    const ticker = setInterval(() => this.#tick(begin_ms), PROFILE_LIMITS.progress_ms).unref();
    writer.manifest(this.#manifest('running', null));
    let problem: unknown = null;
    let stream: RecordStream | null = null;
    try {
      this.#tick(begin_ms);
      const { agent } = this.#d;
      stream = await RecordStream.open(agent, this.#stop.signal, undefined, [
        'operation',
        'memory',
      ]);
      await this.#deployAll();
      await this.#send(stream);
      this.#phase = 'drain';
      this.#drained = await this.#drain();
    } catch (error) {
      problem = error;
    }
    stream?.startWriting(() => {});
    const not_removed = await this.#removeAll();
    problem ??= not_removed;
    this.#stop.abort();
    await stream?.done();
    clearInterval(ticker);
    this.#close(problem, signal.aborted);
  }

  #close(problem: unknown, is_interrupted: boolean): void {
    const { writer } = this.#d;
    const ended = problem === null ? 'complete' : 'failed';
    const status = is_interrupted && problem !== null ? 'interrupted' : ended;
    const told = problem === null ? null : describeError(problem).slice(0, 1024);
    writer.manifest(this.#manifest(status, told));
    writer.close();
    if (problem === null) return;
    if (is_interrupted) {
      throw profileError('HP_PROFILE_INTERRUPTED', `the run was interrupted: ${writer.folder}.`);
    }
    throw isHotplaneError(problem)
      ? problem
      : profileError('HP_PROFILE_AGENT', 'a call to the agent failed.', { cause: problem });
  }

  async #deployAll(): Promise<void> {
    const { agent, signal } = this.#d;
    const specs = this.#own();
    const results = await Promise.allSettled(specs.map((spec) => agent.deploy(spec, { signal })));
    for (const [index, result] of results.entries()) {
      const name = specs[index]?.name ?? '';
      if (result.status === 'fulfilled') this.#deployed.set(name, result.value);
    }
    signal.throwIfAborted();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Deployed here, each once, however many applications it serves. */
  #own(): FunctionSpec[] {
    const functions = [...this.#plan.functions.values()];
    const own = functions.filter((one) => one.is_deployed_here).map(({ spec }) => spec);
    return [...new Map(own.map((spec) => [spec.name, spec])).values()];
  }

  async #send(stream: RecordStream): Promise<void> {
    const { clock, lookAtLoad, signal, writer } = this.#d;
    const { arrivals, workload } = this.#plan;
    const start_ms = clock.nowMs() + LEAD_MS;
    this.#start_ms = start_ms;
    stream.startWriting((record) => {
      const { operation, memory } = record;
      if (operation) this.#accesses?.note(operation);
      const mechanism = this.#mechanisms.get((operation ?? memory)?.function ?? '');
      if (mechanism === undefined) return;
      const origin = { mechanism, start_ms };
      if (operation) writer.operation(operationLine(operation, origin));
      if (memory) writer.memory(memoryStepLine(memory, origin));
    });
    this.#phase = 'send';
    const over = new AbortController();
    const load = recordLoad({
      look: lookAtLoad,
      clock,
      origin: { mechanism: 'all', start_ms },
      interval_ms: loadIntervalMs(workload.duration_s * 1_000),
      onLine: (line) => writer.load(line),
      signal: over.signal,
    });
    // Told when it is awaited; until then its failure is not an unhandled one.
    load.catch(() => {});
    const both = AbortSignal.any([signal, stream.lost]);
    try {
      await sendOpenLoop({
        arrivals,
        start_ms,
        clock,
        signal: both,
        onRunning: (running) => this.#noteRunning(running),
        one_at_a_time: this.#accesses !== null,
        invoke: async (arrival) => await this.#invoke(arrival, both),
        onEnd: (arrival, sent_at_ms, sent) => {
          this.#ended += 1;
          writer.call(this.#lineOf(arrival, sent_at_ms, sent, start_ms));
        },
      });
    } finally {
      this.#observed_ms = Math.max(0, clock.nowMs() - start_ms);
      over.abort();
      await load;
    }
    stream.throwIfLost();
  }

  async #invoke(arrival: WorkloadArrival, signal: AbortSignal): Promise<Invocation> {
    const { instance, application, invocation_id } = arrival;
    const call = this.#plan.calls.get(instance)?.call;
    const spec = this.#plan.functions.get(application)?.spec;
    if (!call || !spec) throw new RangeError(`${instance} has nothing to call`);
    const { agent, writer } = this.#d;
    const timeout_ms = this.#accesses ? PROFILE_LIMITS.counted_call_ms : call.timeout_ms;
    const request = { function: spec.name, invocation_id, ...call, timeout_ms };
    const send = async (): Promise<Invocation> => {
      const { failure: _, answer: _answer, ...reply } = await agent.invoke(request, { signal });
      return reply;
    };
    if (!this.#accesses) return await send();
    const { reply, counted } = await this.#accesses.around(spec.name, send, signal);
    const { cold, outcome } = reply;
    if (counted && outcome === 'done') {
      writer.accesses({ invocation_id, instance, cold, ...counted });
    }
    return reply;
  }

  #noteRunning(running: number): void {
    this.#running = running;
    const last = this.#plan.arrivals.at(-1)?.at_ms ?? 0;
    const now_ms = this.#d.clock.nowMs() - (this.#start_ms ?? 0);
    if (now_ms > last) this.#phase = 'last replies';
  }

  #lineOf(
    arrival: WorkloadArrival,
    sent_at_ms: number | null,
    sent: Sent,
    start_ms: number,
  ): ProfiledCall {
    const name = this.#plan.functions.get(arrival.application)?.spec.name ?? '';
    const origin = { mechanism: this.#mechanisms.get(name) ?? '', start_ms };
    return {
      ...sentLine(sent_at_ms, sent, origin),
      invocation_id: arrival.invocation_id,
      function: name,
      instance: arrival.instance,
      planned_at_ms: arrival.at_ms,
    };
  }

  /**
   * Stops the instances of what was deployed here, so that the unplug after each of them is seen.
   * Functions of others keep theirs. True when all of that memory is back.
   */
  async #drain(): Promise<boolean> {
    const { agent, clock, signal } = this.#d;
    const own = this.#own();
    if (own.length === 0) {
      await clock.sleep(PROFILE_LIMITS.settle_ms, signal);
      return false;
    }
    const deadline_ms = PROFILE_LIMITS.drain_ms;
    await Promise.all(own.map(({ name }) => agent.drain(name, { deadline_ms, signal })));
    const on_demand = new Set(
      own.filter((one) => MECHANISMS.get(one.mechanism).plugs_on_demand).map(({ name }) => name),
    );
    const isBack = async (): Promise<true | null> => {
      const { functions } = await agent.status('', { signal });
      const regions = functions
        .filter((one) => on_demand.has(one.function.name))
        .flatMap((one) => one.regions);
      return regions.every(({ plugged_bytes }) => plugged_bytes === 0) ? true : null;
    };
    const wait = { clock, deadline_ms, first_pause_ms: 20, longest_pause_ms: 250, signal };
    const found = await waitFor(isBack, wait);
    // Records of what ended last are on their way.
    await clock.sleep(PROFILE_LIMITS.settle_ms, signal);
    return found === true;
  }

  /** Also after a failure; what never came up is no error then. */
  async #removeAll(): Promise<unknown> {
    const { agent } = this.#d;
    const names = [...this.#deployed.keys()];
    const results = await Promise.allSettled(names.map((name) => agent.remove(name)));
    const failed = results.find((result) => result.status === 'rejected');
    return failed?.reason ?? null;
  }

  #tick(begin_ms: number): void {
    const elapsed_ms = this.#d.clock.nowMs() - (this.#start_ms ?? begin_ms);
    const { onProgress } = this.#d;
    onProgress({ phase: this.#phase, elapsed_ms, ended: this.#ended, running: this.#running });
  }

  #manifest(status: ProfileManifest['status'], error: string | null): ProfileManifest {
    const { workload, path, sha256, document, seed, seed_is_drawn } = this.#plan;
    const { test_name, duration_s, not_used } = workload;
    const { host, versions, provenance, started_at, command } = this.#d.facts;
    return {
      schema_version: PROFILE_VERSION,
      kind: 'profile',
      status,
      started_at,
      command: [...command],
      provenance,
      versions,
      host,
      workload: { path, sha256, test_name, duration_s, document },
      seed,
      seed_is_drawn,
      instances: workload.instances.map((one) => this.#instance(one)),
      functions: this.#functions(),
      not_used: [...not_used],
      clock_start_ms: this.#start_ms,
      observed_ms: this.#observed_ms,
      drained: this.#drained,
      error,
    };
  }

  #instance({ name, application, arrivals }: Workload['instances'][number]) {
    const { functions, calls, arrivals: planned } = this.#plan;
    const call = calls.get(name);
    const drawn = arrivals.kind === 'drawn' ? arrivals : null;
    return {
      name,
      application,
      function: functions.get(application)?.spec.name ?? '',
      distribution: drawn?.distribution ?? null,
      rate_per_s: drawn?.rate_per_s ?? null,
      arrivals: planned.reduce((sum, one) => sum + (one.instance === name ? 1 : 0), 0),
      payload_bytes: call?.payload_bytes ?? 0,
      payload_sha256: call?.payload_sha256 ?? '',
      stands_in: call?.stands_in ?? false,
    };
  }

  #functions(): ProfileManifest['functions'] {
    const all = new Map([...this.#plan.functions.values()].map((one) => [one.spec.name, one]));
    return [...all.values()].map(({ spec, is_deployed_here }) => {
      const told = this.#deployed.get(spec.name);
      return {
        spec,
        is_deployed_here,
        vmm: told?.vmm ?? null,
        accelerator: told?.accelerator ?? null,
        guest_kernel: told?.guest_kernel ?? null,
      };
    });
  }
}
