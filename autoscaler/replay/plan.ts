/**
 * From a selection of a trace to what is deployed and when it is invoked. Pure: the same inputs
 * give the same plan, and every mechanism of a run replays the same plan.
 */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import type { Backing, MemorySpec } from '../../agent/model/spec.ts';
import { LIMITS } from '../../base/limits.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { assignProfiles, type ProfileMapping } from '../workload-model/assign.ts';
import { type Course, courseOf } from './course.ts';
import type { MemoryModel } from '../workload-model/models.ts';
import { sizeFunction, type FunctionSize, type SizingOptions } from '../workload-model/size.ts';
import { peakConcurrency } from '../trace/peak.ts';
import { ALL_FUNCTIONS, type RankedFunction, type Selection } from '../trace/select.ts';
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import type { FunctionProgram } from '../../agent/model/program.ts';
import { type Call, emulated, JSON_TYPE, type Work } from '../../agent/model/work.ts';
import type { RealFunction } from '../results/schema.ts';
import type { FunctionSpec } from './agent-api.ts';

export type Concurrency = number | 'peak';

export interface PlanOptions {
  /** In the time of the run, that is, compressed already. */
  readonly keep_alive_ms: number;
  /** Divides arrival gaps, durations and keep-alive alike. Plugs and boots are never divided. */
  readonly speedup: number;
  /** Multiply gaps, and durations, alone, before the speedup. */
  readonly gap_scale: number;
  readonly duration_scale: number;
  /** In the time of the run: so long the plan is replayed before it is measured. */
  readonly warm_up_ms: number;
  readonly model: MemoryModel;
  readonly mapping: ProfileMapping;
  readonly seed: number;
  readonly sizing: SizingOptions;
  /** Most instances of each function VM; `peak`: what the trace needs when nobody waits. */
  readonly concurrency: Concurrency;
  /** Share of each duration that is computed rather than waited; the trace does not say it. */
  readonly cpu_share: number;
  readonly course: Course;
}

/** How the guest and its memory are set up; the same for every function of a run. */
export interface GuestOptions {
  readonly backing: Backing;
  readonly init_on_alloc: boolean;
  readonly guest_huge_pages: boolean;
  /** Of mechanisms that plug on demand: how memory follows its use; null: it does not. */
  readonly memory: MemorySpec | null;
}

export interface PlannedFunction extends FunctionSize {
  /** Valid for the agent: `f<rank>-<profile>-<start of the trace's function or app name>`. */
  readonly name: string;
  readonly rank: number;
  readonly app: string;
  readonly func: string;
  readonly invocations: number;
  /** Instances it would need if nobody waited; only what one VM can have of them is planned. */
  readonly peak_concurrency: number;
  readonly keep_alive_ms: number;
  /** The program that stands for it; null: its calls are emulated. */
  readonly real: RealFunction | null;
}

/** What a call of a real program is given: it makes its input by the seed. */
export interface RealInput {
  readonly seed: number;
  readonly size: number;
}

export interface PlannedArrival {
  readonly invocation_id: string;
  readonly function: string;
  /** After the warm-up, which begins with the first arrival of the plan, compressed. */
  readonly at_ms: number;
  /** Of a real program: how long a call of that size takes alone. */
  readonly duration_ms: number;
  readonly task:
    | { readonly kind: 'emulated'; readonly work: Work }
    | { readonly kind: 'real'; readonly input: RealInput };
}

export interface ReplayPlan {
  readonly functions: readonly PlannedFunction[];
  readonly arrivals: readonly PlannedArrival[];
  /** Before the measured window; calls that come then have times below 0. */
  readonly warm_up: { readonly ms: number; readonly invocations: number };
  /** The end of the warm-up, or the first arrival, to the end of the last planned invocation. */
  readonly load_ms: number;
  /** The measured window: load, keep-alive and a margin; the same for every mechanism. */
  readonly window_ms: number;
  readonly window_margin_ms: number;
}

export function buildPlan(chosen: Selection, options: PlanOptions): ReplayPlan {
  const selection = scaled(chosen, options);
  const functions = planFunctions(selection, options);
  const first_ms = selection.invocations[0]?.arrival_ms ?? 0;
  const arrivals = selection.invocations.map((invocation, index): PlannedArrival => {
    const target = functions[invocation.function_index];
    if (!target) throw new RangeError(`invocation of unknown function ${index}`);
    const duration_ms = compress(invocation.duration_ms, options.speedup);
    return {
      invocation_id: `i${String(index + 1).padStart(6, '0')}`,
      function: target.name,
      at_ms: round(
        compress(invocation.arrival_ms - first_ms, options.speedup) - options.warm_up_ms,
      ),
      duration_ms,
      task: {
        kind: 'emulated',
        work: {
          ...courseOf(options.course, target.anonymous_bytes, duration_ms),
          file_bytes: target.file_bytes,
          cpu_ms: round(duration_ms * options.cpu_share),
          wall_ms: duration_ms,
        },
      },
    };
  });
  return { functions, arrivals, ...measuredWindow(functions, arrivals, options.warm_up_ms) };
}

/** The window that holds those arrivals and a keep-alive after the last of them. */
export function measuredWindow(
  functions: ReplayPlan['functions'],
  arrivals: ReplayPlan['arrivals'],
  warm_up_ms: number,
): Omit<ReplayPlan, 'functions' | 'arrivals'> {
  const load_ms = arrivals.reduce((end, a) => Math.max(end, a.at_ms + a.duration_ms), 0);
  const keep_alive_ms = functions.reduce((most, f) => Math.max(most, f.keep_alive_ms), 0);
  const window_margin_ms = marginMs(load_ms);
  const window_ms = Math.ceil(load_ms + keep_alive_ms + window_margin_ms);
  const invocations = arrivals.filter(({ at_ms }) => at_ms < 0).length;
  return { warm_up: { ms: warm_up_ms, invocations }, load_ms, window_ms, window_margin_ms };
}

/** Late replies and unplugs fall into it; longer, nothing would be measured but rest. */
function marginMs(load_ms: number): number {
  const share_ms = load_ms * REPLAY_LIMITS.window_margin_share;
  const most_ms = Math.min(REPLAY_LIMITS.window_margin_most_ms, share_ms);
  return round(Math.max(REPLAY_LIMITS.window_margin_least_ms, most_ms));
}

/** What the agent is sent for a planned arrival. */
export function callOf({ task }: Pick<PlannedArrival, 'task'>): Call {
  if (task.kind === 'emulated') return emulated(task.work);
  const payload = Buffer.from(JSON.stringify(task.input));
  return { payload, content_type: JSON_TYPE, timeout_ms: null, http: null };
}

/** Each of the two knobs by itself; 1 and 1 change nothing. */
function scaled(
  selection: Selection,
  { gap_scale, duration_scale }: Pick<PlanOptions, 'gap_scale' | 'duration_scale'>,
): Selection {
  if (gap_scale === 1 && duration_scale === 1) return selection;
  const invocations = selection.invocations.map((one) => ({
    ...one,
    arrival_ms: one.arrival_ms * gap_scale,
    duration_ms: one.duration_ms * duration_scale,
  }));
  return { ...selection, invocations };
}

/** What Deploy gets for a planned function, and its program, under one mechanism. */
export function deploySpec(
  planned: PlannedFunction,
  mechanism: MechanismName,
  options: GuestOptions,
  program: FunctionProgram | null = null,
): FunctionSpec {
  return {
    name: planned.name,
    mechanism,
    limit_bytes: planned.limit_bytes,
    concurrency: planned.concurrency,
    vcpus: planned.vcpus,
    boot_bytes: planned.boot_bytes,
    keep_alive_ms: planned.keep_alive_ms,
    ...PLAIN_SPEC,
    backing: options.backing,
    init_on_alloc: options.init_on_alloc,
    guest_huge_pages: options.guest_huge_pages,
    memory: MECHANISMS.get(mechanism).plugs_on_demand ? memoryOf(planned, options) : null,
    program,
  };
}

/** No function begins with more than it may have. */
function memoryOf({ limit_bytes }: PlannedFunction, { memory }: GuestOptions): MemorySpec | null {
  const baseline_bytes = memory?.baseline_bytes ?? null;
  if (!memory || baseline_bytes === null) return memory;
  return { ...memory, baseline_bytes: Math.min(baseline_bytes, limit_bytes) };
}

function planFunctions(selection: Selection, options: PlanOptions): PlannedFunction[] {
  const count = selection.functions.length;
  const profiles = assignProfiles(options.model, count, options.mapping, options.seed);
  const held_longer_ms = REPLAY_LIMITS.held_longer_ms * options.speedup;
  const peaks = peakConcurrency(selection.invocations, count, held_longer_ms);
  return selection.functions.map((entry, index): PlannedFunction => {
    const profile = profiles[index];
    if (!profile) throw new RangeError(`no profile for function ${index}`);
    const name = `f${entry.rank}-${profile.name}-${nameStart(entry)}`;
    return {
      name,
      rank: entry.rank,
      app: entry.app,
      func: entry.func,
      invocations: entry.invocations,
      peak_concurrency: peaks[index] ?? 1,
      keep_alive_ms: options.keep_alive_ms,
      real: null,
      ...sizeFunction(profile, options.sizing, concurrencyOf(options, peaks[index] ?? 1)),
    };
  });
}

function nameStart({ app, func }: RankedFunction): string {
  const name = func === ALL_FUNCTIONS ? app : func;
  const letters = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return letters.slice(0, 8) || 'x';
}

/** The peak is bounded by what one VM can have; more than that waits in the queue. */
function concurrencyOf({ concurrency }: PlanOptions, peak: number): number {
  return concurrency === 'peak' ? Math.min(peak, LIMITS.regions_per_vm) : concurrency;
}

function compress(ms: number, speedup: number): number {
  return round(ms / speedup);
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
