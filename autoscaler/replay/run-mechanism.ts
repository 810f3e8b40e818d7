/**
 * Replays a plan under one mechanism: deploy, watch, send every arrival at its time on the wall
 * clock whether or not earlier ones are done (open loop), wait for the window's end and for every
 * region to be unplugged, check the three observers, remove.
 */
import { heardStatus } from '../../agent/api/heard-status.ts';
import type { MechanismName } from '../../agent/model/mechanism.ts';
import type { Clock } from '../../base/clock.ts';
import { describeError, isHotplaneError } from '../../base/errors.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { waitFor } from '../../base/wait.ts';
import type { InjectedFailure, MechanismRun } from '../results/schema.ts';
import type {
  AgentApi,
  AgentRecord,
  FunctionSpec,
  FunctionStatus,
  StatusResponse,
} from './agent-api.ts';
import { isDrained } from './drained.ts';
import type { PlannedFailure } from './failures.ts';
import { type Harm, injectFailures } from './inject.ts';
import type { LoadSample } from './load.ts';
import { loadIntervalMs, recordLoad } from './load-recorder.ts';
import { MemoryView } from './memory-view.ts';
import { aboutVms, NOT_DEPLOYED, type VmAbout } from './vm-about.ts';
import { LEAD_MS, sendArrivals } from './open-loop.ts';
import type { ReplayPlan } from './plan.ts';
import type { ProgressSink, ProgressState } from './progress.ts';
import { memoryCheckLine, memoryStepLine, operationLine } from './records.ts';
import { decisionLine, eventLine, type RunOrigin } from '../results/run-time.ts';
import { agentLost, notDeployed } from './errors.ts';
import { RecordStream } from './record-stream.ts';
import type { TimeLeft } from './time-left.ts';
import type { ResultSink } from './result-sink.ts';

export interface MechanismOptions {
  readonly mechanism: MechanismName;
  readonly position: number;
  readonly of: number;
  readonly plan: ReplayPlan;
  /** Specs of the plan's functions under this mechanism. */
  readonly specs: readonly FunctionSpec[];
  readonly agent: AgentApi;
  readonly clock: Clock;
  readonly sink: ResultSink;
  /** Aborted when lines cannot be written any more: the run ends. */
  readonly unrecorded: AbortSignal;
  readonly progress: ProgressSink;
  readonly time_left: TimeLeft;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The agent ends with this run, and its VMs with it: after Ctrl-C there is no need to remove. */
  readonly agent_is_ours: boolean;
  /** One look at the machine's counters. */
  readonly lookAtLoad: () => LoadSample;
  /** By time. */
  readonly failures: readonly PlannedFailure[];
  /** Null: there is nobody to harm. */
  readonly harm: Harm | null;
}

export interface MechanismResult {
  readonly run: MechanismRun;
  /** Why the run is not complete; null when it is, or when it was interrupted. */
  readonly error: Error | null;
}

/** Never throws: what went wrong is in the result, and what was seen is in the files. */
export async function runMechanism(options: MechanismOptions): Promise<MechanismResult> {
  const runner = new MechanismRunner(options);
  return await runner.run();
}

class MechanismRunner {
  readonly #o: MechanismOptions;
  readonly #begin_ms: number;
  readonly #memory = new MemoryView();
  /** Interrupted, or with nowhere to write to. */
  readonly #halt: AbortSignal;
  #origin: RunOrigin | null = null;
  #phase: ProgressState['phase'] = 'deploy';
  #finished = 0;
  #failed = 0;
  #running = 0;
  #drained = false;
  #observed_ms = 0;
  #doing = 'Deploy';
  #about: VmAbout = NOT_DEPLOYED;
  #injected: readonly InjectedFailure[] = [];
  /** Of the agent: settles when its successor answers; null: none is under way. */
  #replacement: Promise<unknown> | null = null;

  constructor(options: MechanismOptions) {
    this.#o = options;
    this.#begin_ms = options.clock.nowMs();
    this.#halt = AbortSignal.any([options.signal, options.unrecorded]);
  }

  async run(): Promise<MechanismResult> {
    const stop = new AbortController();
    const ticker = this.#startTicker();
    let stream: RecordStream | null = null;
    let error: Error | null = null;
    try {
      stream = await RecordStream.open(this.#o.agent, stop.signal, () => this.#replacement);
      await this.#replay(stream);
    } catch (problem) {
      error = this.#o.signal.aborted ? null : this.#explain(problem);
    }
    // Lines that came before the run's start was known, when it never got that far.
    stream?.startWriting((record) => this.#write(record));
    this.#noteObserved();
    error = (await this.#removeAll()) ?? error;
    stop.abort();
    await stream?.done();
    error ??= this.#unrecorded();
    clearInterval(ticker);
    this.#o.progress.end();
    const whole_ms = this.#o.plan.window_ms + this.#o.plan.warm_up.ms;
    this.#o.time_left.took(this.#o.clock.nowMs() - this.#begin_ms, whole_ms);
    return { run: this.#describe(error), error };
  }

  async #replay(stream: RecordStream): Promise<void> {
    const { clock } = this.#o;
    await this.#deployAll();
    const start_ms = clock.nowMs() + LEAD_MS + this.#o.plan.warm_up.ms;
    const origin: RunOrigin = { mechanism: this.#o.mechanism, start_ms };
    this.#origin = origin;
    stream.startWriting((record) => this.#write(record));
    this.#doing = 'Status';
    if (this.#o.plan.warm_up.ms === 0) await this.#check('start', origin);
    this.#phase = 'replay';
    this.#doing = 'Invoke';
    const ended = new AbortController();
    const load = this.#recordLoad(origin, ended.signal);
    // Told when it is awaited; until then its failure is not an unhandled one.
    load.catch(() => {});
    const harmed = this.#bringFailures(origin, AbortSignal.any([ended.signal, this.#halt]));
    try {
      await this.#observe(origin, stream);
    } finally {
      ended.abort();
      await harmed;
    }
    await load;
    stream.throwIfLost();
  }

  /** Sends all arrivals, waits for the window's end and for every region to be unplugged. */
  async #observe(origin: RunOrigin, stream: RecordStream): Promise<void> {
    const { plan, clock } = this.#o;
    const sending = new AbortController();
    const both = AbortSignal.any([this.#halt, stream.lost, sending.signal]);
    const warmed_up = this.#endWarmUp(origin, both);
    // Told when it is awaited.
    warmed_up.catch(() => {});
    try {
      await sendArrivals({
        arrivals: plan.arrivals,
        origin,
        agent: this.#o.agent,
        clock,
        signal: both,
        onRunning: (running) => {
          this.#running = running;
        },
        onLine: (line) => {
          this.#finished += 1;
          if (line.outcome !== 'done') this.#failed += 1;
          this.#o.sink.invocation(line);
        },
      });
      await warmed_up;
      await this.#sleepUntil(origin.start_ms + plan.window_ms, both);
    } finally {
      sending.abort();
    }
    this.#noteObserved();
    this.#phase = 'drain';
    this.#doing = 'Status';
    this.#drained = await this.#drain();
    await this.#check('end', origin);
  }

  /** Counters of the guests begin where the measuring does. */
  async #endWarmUp(origin: RunOrigin, signal: AbortSignal): Promise<void> {
    if (this.#o.plan.warm_up.ms === 0) return;
    await this.#sleepUntil(origin.start_ms, signal);
    await this.#check('start', origin);
  }

  async #bringFailures(origin: RunOrigin, signal: AbortSignal): Promise<void> {
    const { failures: planned, harm, agent, clock } = this.#o;
    if (!harm || planned.length === 0) return;
    const { start_ms } = origin;
    const watched: Harm = {
      ...harm,
      replaceAgent: async (until) => {
        const replacement = harm.replaceAgent(until);
        this.#replacement = replacement;
        await replacement;
      },
    };
    const told = { planned, start_ms, agent, harm: watched, clock, signal };
    this.#injected = await injectFailures(told);
  }

  async #recordLoad(origin: RunOrigin, signal: AbortSignal): Promise<void> {
    const { clock, lookAtLoad, plan, sink } = this.#o;
    await recordLoad({
      look: lookAtLoad,
      clock,
      origin,
      interval_ms: loadIntervalMs(plan.window_ms),
      onLine: (line) => sink.load(line),
      signal,
    });
  }

  /** All functions at once: VMs boot in parallel, as many as the agent lets. */
  async #deployAll(): Promise<void> {
    const { agent, specs, mechanism } = this.#o;
    const signal = this.#halt;
    const results = await Promise.allSettled(specs.map((spec) => agent.deploy(spec, { signal })));
    this.#about = aboutVms(
      specs.flatMap(({ name }, index) => {
        const result = results[index];
        return result?.status === 'fulfilled' ? { function: name, response: result.value } : [];
      }),
    );
    signal.throwIfAborted();
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') continue;
      throw notDeployed(mechanism, specs[index]?.name ?? '', result.reason);
    }
  }

  /** True when every instance is gone and, unless memory stays by design, every region is empty. */
  async #drain(): Promise<boolean> {
    const { mechanism } = this.#o;
    const found = await waitFor(
      async () =>
        (await this.#ownStatus()).every((status) => isDrained(status, mechanism)) ? true : null,
      {
        clock: this.#o.clock,
        deadline_ms: REPLAY_LIMITS.drain_ms,
        first_pause_ms: 20,
        longest_pause_ms: 250,
        signal: this.#halt,
      },
    );
    return found === true;
  }

  async #check(at: 'start' | 'end', origin: RunOrigin): Promise<void> {
    const { agent, clock, signal } = this.#o;
    const statuses = this.#ownOf(await heardStatus(agent, '', { clock, signal }));
    const now_ms = clock.nowMs();
    for (const status of statuses) {
      this.#o.sink.memory(memoryCheckLine(status, at, now_ms, origin));
    }
  }

  async #ownStatus(): Promise<FunctionStatus[]> {
    const { agent, signal } = this.#o;
    return this.#ownOf(await agent.status('', { signal }));
  }

  #ownOf({ functions }: StatusResponse): FunctionStatus[] {
    const names = new Set(this.#o.specs.map((spec) => spec.name));
    return functions.filter((status) => names.has(status.function.name));
  }

  /** Also after a failure or Ctrl-C; a function that never came up is not an error then. */
  async #removeAll(): Promise<Error | null> {
    this.#phase = 'remove';
    const { agent, specs, mechanism } = this.#o;
    if (this.#o.signal.aborted && this.#o.agent_is_ours) return null;
    const results = await Promise.allSettled(specs.map((spec) => agent.remove(spec.name)));
    const failed = results.find((result) => result.status === 'rejected');
    if (!failed || this.#origin === null) return null;
    return agentLost(mechanism, 'Remove', failed.reason);
  }

  #write(record: AgentRecord): void {
    const origin = this.#origin ?? { mechanism: this.#o.mechanism, start_ms: this.#begin_ms };
    if (record.operation) this.#o.sink.operation(operationLine(record.operation, origin));
    if (record.decision) this.#o.sink.decision(decisionLine(record.decision, origin));
    if (record.event) this.#o.sink.event(eventLine(record.event, origin));
    if (!record.memory) return;
    this.#memory.add(record.memory);
    this.#o.sink.memory(memoryStepLine(record.memory, origin));
  }

  /** What the clock says, never what was planned; the drain after the window is no part of it. */
  #noteObserved(): void {
    if (this.#origin === null || this.#observed_ms > 0) return;
    const now_ms = this.#o.clock.nowMs() - this.#origin.start_ms;
    this.#observed_ms = Math.max(0, Math.floor(now_ms));
  }

  async #sleepUntil(at_ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#o;
    for (let now_ms = clock.nowMs(); now_ms < at_ms; now_ms = clock.nowMs()) {
      await clock.sleep(at_ms - now_ms, signal);
    }
  }

  #startTicker(): NodeJS.Timeout {
    const tick = (): void => this.#o.progress.update(this.#progress());
    tick();
    return setInterval(tick, 250).unref();
  }

  #progress(): ProgressState {
    const { mechanism, position, of, plan, clock } = this.#o;
    const elapsed_ms = clock.nowMs() - (this.#origin?.start_ms ?? this.#begin_ms);
    const { window_ms, warm_up } = plan;
    const left_ms = this.#o.time_left.ms({
      elapsed_ms: this.#origin === null ? 0 : elapsed_ms + warm_up.ms,
      window_ms: window_ms + warm_up.ms,
      later: of - position,
      of,
    });
    return {
      mechanism,
      position,
      of,
      phase: this.#phase === 'replay' ? replayPhase(elapsed_ms, window_ms) : this.#phase,
      elapsed_ms,
      window_ms,
      left_ms,
      finished: this.#finished,
      planned: plan.arrivals.length,
      failed: this.#failed,
      running: this.#running,
      plugged_bytes: this.#memory.sum('plugged_bytes'),
      resident_bytes: this.#memory.sum('resident_bytes'),
    };
  }

  /** Of a run that was not interrupted: why its lines were not all written. */
  #unrecorded(): Error | null {
    const { signal, unrecorded } = this.#o;
    return unrecorded.aborted && !signal.aborted ? this.#explain(unrecorded.reason) : null;
  }

  #explain(problem: unknown): Error {
    if (isHotplaneError(problem)) return problem;
    return agentLost(this.#o.mechanism, this.#doing, problem);
  }

  #describe(error: Error | null): MechanismRun {
    const interrupted = this.#o.signal.aborted && this.#phaseEndedEarly();
    const ended = error === null ? 'complete' : 'failed';
    return {
      name: this.#o.mechanism,
      status: interrupted ? 'interrupted' : ended,
      observed_ms: this.#observed_ms,
      drained: this.#drained,
      ...this.#about,
      error: error === null ? null : describeError(error).slice(0, 1024),
      clock_start_ms: this.#origin?.start_ms ?? null,
      failures: this.#o.failures.length === 0 ? null : [...this.#injected],
    };
  }

  #phaseEndedEarly(): boolean {
    return this.#observed_ms < this.#o.plan.window_ms || !this.#drained;
  }
}

function replayPhase(elapsed_ms: number, window_ms: number): ProgressState['phase'] {
  if (elapsed_ms < 0) return 'warm-up';
  return elapsed_ms > window_ms ? 'last replies' : 'replay';
}
