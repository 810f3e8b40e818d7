/**
 * Measure speedup: what calls and starts of a run cost this host in CPU time, under each of its
 * mechanisms, of the function with most memory, and of that with least where it has far less, on a
 * VM each, one after another. What nothing happening costs is measured first, and taken off.
 */
import type { MechanismName } from '../../agent/model/mechanism.ts';
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError, messageOf } from '../../base/errors.ts';
import { formatMs } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import type { SpeedupCosts, SpeedupMeasured } from '../results/speedup-choice.ts';
import type { AgentApi, FunctionSpec, Invocation } from './agent-api.ts';
import { type Course, courseOf } from './course.ts';
import { measuredFunctions } from './choose-speedup.ts';
import { isDrained } from './drained.ts';
import { speedupNotMeasured } from './errors.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { loadBetween, type LoadSample } from './load.ts';
import { callOf, deploySpec, type GuestOptions, type PlannedFunction } from './plan.ts';

export interface SpeedupMeasuring {
  readonly agent: AgentApi;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly lookAtLoad: () => LoadSample;
  /** Of the machine: what shares are shares of. */
  readonly cores: number;
  /** As many of them as we may use. */
  readonly cpus: number;
}

type MeasuredOptions = GuestOptions & {
  readonly mechanisms: readonly MechanismName[];
  readonly course: Course;
};

/** With nothing happening. */
const IDLE_MS = 1_000;
/** Instances that start, are called once, and end. */
const STARTS = 2;
/** Calls of an instance that is there: so many, and for so long, as CPU time is told in ticks. */
const WARM_CALLS = 5;
const WARM_MS = 300;
const MOST_WARM_CALLS = 1_000;
/** Of a call that computes. */
const COMPUTE_MS = 300;
/** A course of memory takes time; where there is none, no call waits for anything. */
const COURSE_MS = 200;
/** Long enough for the next call, short enough for its end to be waited for. */
const KEEP_ALIVE_MS = 300;

/** Throws HP_REPLAY_SPEEDUP; what it deployed is removed. */
export async function measureSpeedup(
  functions: readonly PlannedFunction[],
  options: MeasuredOptions,
  measuring: SpeedupMeasuring,
): Promise<SpeedupMeasured> {
  const { clock, signal } = measuring;
  const late = new AbortController();
  const callOff = clock.timer(REPLAY_LIMITS.speedup_calibration_ms, () => late.abort());
  const calibration = new SpeedupCalibration(functions, options, {
    ...measuring,
    signal: AbortSignal.any([signal, late.signal]),
  });
  try {
    return await calibration.run();
  } catch (error) {
    if (signal.aborted) throw error;
    const most = formatMs(REPLAY_LIMITS.speedup_calibration_ms);
    if (late.signal.aborted) throw speedupNotMeasured(`it took more than ${most}`, error);
    throw isHotplaneError(error) ? error : speedupNotMeasured(messageOf(error), error);
  } finally {
    callOff();
    await calibration.removeAll();
  }
}

/** A function of the run, and how it is deployed to be measured. */
interface Try {
  readonly planned: PlannedFunction;
  readonly spec: FunctionSpec;
}

class SpeedupCalibration {
  readonly #tries: readonly Try[];
  readonly #course: Course;
  readonly #m: SpeedupMeasuring;
  readonly #deployed: string[] = [];
  #idle_cpus = 0;
  #calls = 0;

  constructor(
    functions: readonly PlannedFunction[],
    options: MeasuredOptions,
    measuring: SpeedupMeasuring,
  ) {
    this.#course = options.course;
    this.#m = measuring;
    this.#tries = options.mechanisms.flatMap((mechanism) =>
      measuredFunctions(functions).map((planned) => ({
        planned,
        spec: {
          ...deploySpec(planned, mechanism, options),
          name: `calibrate-${mechanism}-${planned.rank}`,
          concurrency: 1,
          keep_alive_ms: KEEP_ALIVE_MS,
        },
      })),
    );
  }

  async run(): Promise<SpeedupMeasured> {
    const { clock, cores, cpus, signal } = this.#m;
    const begin_ms = clock.nowMs();
    await this.#deployAll();
    const begin = this.#m.lookAtLoad();
    await clock.sleep(IDLE_MS, signal);
    this.#idle_cpus = ownMs(begin, this.#m.lookAtLoad(), cores) / IDLE_MS;
    const costs: SpeedupCosts[] = [];
    for (const one of this.#tries) costs.push(await this.#costsOf(one));
    const others = othersShare(begin, this.#m.lookAtLoad());
    return {
      took_ms: rounded(clock.nowMs() - begin_ms),
      cpus_left: rounded(Math.min(cpus, cores * (1 - others))),
      idle_cpus_per_vm: rounded(this.#idle_cpus / this.#tries.length),
      costs,
    };
  }

  /** Also after a failure; what cannot be removed goes with its agent. */
  async removeAll(): Promise<void> {
    await Promise.allSettled(this.#deployed.map((name) => this.#m.agent.remove(name)));
  }

  async #deployAll(): Promise<void> {
    const { agent, signal } = this.#m;
    this.#deployed.push(...this.#tries.map(({ spec }) => spec.name));
    const all = this.#tries.map(({ spec }) => agent.deploy(spec, { signal }));
    const refused = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected');
    if (refused?.status === 'rejected') throw refused.reason;
  }

  async #costsOf(one: Try): Promise<SpeedupCosts> {
    const { planned, spec } = one;
    const calls_before = this.#calls;
    // The first start of a VM costs more than all others, above all under emulation: it counts not.
    await this.#call(one, 0);
    const first_warm = this.#calls;
    const warm_ms = await this.#cpuOf(async () => await this.#warmCalls(one));
    const call_cpu_ms = warm_ms / (this.#calls - first_warm);
    const computing_ms = await this.#cpuOf(async () => await this.#warmCall(one, COMPUTE_MS));
    await this.#untilGone(spec);
    const cold_ms = await this.#cpuOf(async () => {
      for (let start = 0; start < STARTS; start += 1) {
        await this.#call(one, 0);
        await this.#untilGone(spec);
      }
    });
    return {
      mechanism: spec.mechanism,
      function: planned.name,
      limit_bytes: planned.limit_bytes,
      call_cpu_ms: rounded(call_cpu_ms),
      start_cpu_ms: rounded(Math.max(0, cold_ms / STARTS - call_cpu_ms)),
      compute_factor: rounded(Math.max(0, computing_ms - call_cpu_ms) / COMPUTE_MS),
      calls: this.#calls - calls_before,
    };
  }

  /** Of replay, agent and VMMs, without what they take when nothing happens. */
  async #cpuOf(doing: () => Promise<void>): Promise<number> {
    const before = this.#m.lookAtLoad();
    await doing();
    const after = this.#m.lookAtLoad();
    const idle_ms = this.#idle_cpus * (after.at_ms - before.at_ms);
    return Math.max(0, ownMs(before, after, this.#m.cores) - idle_ms);
  }

  async #warmCalls(one: Try): Promise<void> {
    const { clock } = this.#m;
    const until_ms = clock.nowMs() + WARM_MS;
    for (let call = 0; call < MOST_WARM_CALLS; call += 1) {
      if (call >= WARM_CALLS && clock.nowMs() >= until_ms) return;
      await this.#warmCall(one, 0);
    }
  }

  async #warmCall(one: Try, cpu_ms: number): Promise<void> {
    const { cold } = await this.#call(one, cpu_ms);
    if (cold)
      throw speedupNotMeasured(`${one.spec.mechanism}: an instance ended between two calls`);
  }

  async #call({ planned, spec }: Try, cpu_ms: number): Promise<Invocation> {
    const { anonymous_bytes, file_bytes } = planned;
    const course_ms = this.#course === 'flat' ? 0 : COURSE_MS;
    const course = courseOf(this.#course, anonymous_bytes, course_ms);
    const wall_ms = Math.max(course_ms, cpu_ms);
    const work = { ...course, file_bytes, cpu_ms, wall_ms };
    this.#calls += 1;
    const invocation_id = `calibrate-${this.#calls}`;
    const call = callOf({ task: { kind: 'emulated', work } });
    const { agent, signal } = this.#m;
    const deadline_ms = REPLAY_LIMITS.speedup_calibration_ms;
    const reply = await agent.invoke(
      { function: spec.name, invocation_id, ...call },
      { deadline_ms, signal },
    );
    if (reply.outcome === 'done') return reply;
    throw speedupNotMeasured(`${spec.mechanism}: a call was ${reply.outcome}: ${reply.reason}`);
  }

  /** Its instance ended and, where memory follows instances, its region is empty. */
  async #untilGone(spec: FunctionSpec): Promise<void> {
    const { agent, clock, signal } = this.#m;
    const gone = async (): Promise<true | null> => {
      const { functions } = await agent.status('', { signal });
      const found = functions.find((one) => one.function.name === spec.name);
      return found && isDrained(found, spec.mechanism) ? true : null;
    };
    const deadline_ms = REPLAY_LIMITS.drain_ms;
    // Each look costs the agent CPU time of its own.
    const pauses = { first_pause_ms: 100, longest_pause_ms: 100 };
    await clock.sleep(KEEP_ALIVE_MS, signal);
    if (await waitFor(gone, { clock, deadline_ms, signal, ...pauses })) return;
    throw speedupNotMeasured(`${spec.mechanism}: its memory did not come back`);
  }
}

function ownMs(before: LoadSample, after: LoadSample, cores: number): number {
  const { own_cpu_share, interval_ms } = loadBetween(before, after);
  if (own_cpu_share !== null) return own_cpu_share * interval_ms * cores;
  throw speedupNotMeasured('the CPU time of agent and VMMs is not known');
}

function othersShare(before: LoadSample, after: LoadSample): number {
  const { other_cpu_share, steal_share } = loadBetween(before, after);
  if (other_cpu_share !== null && steal_share !== null) return other_cpu_share + steal_share;
  throw speedupNotMeasured('the CPU time that others take is not known');
}

/** CPU time is counted in hundredths of a second: what is behind is of no meaning. */
function rounded(value: number): number {
  return Math.max(0, Math.round(value * 1e4) / 1e4);
}
