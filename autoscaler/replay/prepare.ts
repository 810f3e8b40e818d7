/** Everything that can be wrong with the inputs of a run is found here, before anything starts. */
import { existsSync } from 'node:fs';
import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { FIXED_KEEP_ALIVE } from '../policy/fixed-keep-alive.ts';
import { manifestSchema } from '../results/schema.ts';
import type { Manifest } from '../results/schema.ts';
import type { SpeedupChoice } from '../results/speedup-choice.ts';
import { OPEN_DEFAULTS, openTrace } from '../trace/open-trace.ts';
import { selectMostInvoked } from '../trace/select.ts';
import type { Trace } from '../trace/trace.ts';
import { windowOf } from '../trace/window.ts';
import { badReplayOption, cannotBeRecorded, interruptedEarly } from './errors.ts';
import { type PlannedFailure, planFailures } from './failures.ts';
import { buildManifest, waitingRun, type ManifestInputs, type RunFacts } from './manifest.ts';
import type { ReplayOptions } from './options.ts';
import type { CurvePoint } from '../workload-model/program-curve.ts';
import { PROGRAM_COSTS } from '../workload-model/program-costs.ts';
import type { RealPrograms } from './calibrate.ts';
import { buildPlan, type PlanOptions, type ReplayPlan } from './plan.ts';
import { chooseStands, realPlan, type Stand } from './real-plan.ts';
import { checkSameTrace, hostDifferences, optionDifferences } from './repeat.ts';

/** The run of `--from`: its folder, its manifest, and whether a trace was named on purpose now. */
export interface Repeated {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly trace_named: boolean;
}

export type PreparedRun = Omit<ManifestInputs, 'facts' | 'repeat_of' | 'resumed_from' | 'plan'> & {
  facts: RunFacts;
  plan: ReplayPlan;
  /** The plan before real programs came in the place of emulations. */
  readonly emulated: ReplayPlan;
  /** Real programs that stand for functions of the plan; empty: calls are emulated. */
  readonly stands: ReadonlyMap<string, Stand>;
  /** Of every mechanism, by time. */
  failures: readonly PlannedFailure[];
  repeat_of: ManifestInputs['repeat_of'];
  resumed_from: ManifestInputs['resumed_from'];
};

/** Throws `HP_TRACE_*`, `HP_REPLAY_*`. */
export async function prepareRun(
  options: ReplayOptions,
  facts: RunFacts,
  repeated: Repeated | null,
  programs: Pick<RealPrograms, 'needsOf'>,
  signal: AbortSignal,
): Promise<PreparedRun> {
  const keep_alive_ms = keepAliveMs(options, options.speedup);
  const { trace, selection } = await selectOf(options, signal);
  const trace_differences = repeated
    ? checkSameTrace(repeated.folder, repeated.manifest, trace.input, repeated.trace_named)
    : [];
  const emulated = planAt(selection, options, options.speedup);
  const stands = await standsOf(emulated, options, programs);
  const plan = realPlan(emulated, stands, pointsOf(repeated, stands), options.seed);
  checkSizes(plan.functions);
  if (plan.warm_up.invocations === plan.arrivals.length) {
    const lasts = `all ${plan.arrivals.length} calls come within it`;
    throw badReplayOption(
      'warm-up',
      String(options.warm_up_s),
      `${lasts}: none is left to measure`,
    );
  }
  const inputs: PreparedRun = {
    options,
    trace,
    selection,
    plan,
    emulated,
    stands,
    failures: planFailures(options.failures, plan, options.seed),
    policy_name: options.policy ?? FIXED_KEEP_ALIVE,
    keep_alive_ms,
    speedup_choice: options.speedup_choice ?? keptChoice(repeated, options),
    facts,
    repeat_of: null,
    resumed_from: null,
  };
  const manifest = checkedManifest(inputs);
  if (!repeated) return inputs;
  const { folder, manifest: then } = repeated;
  const differences = [
    ...trace_differences,
    ...optionDifferences(then.options ?? {}, options.texts),
    ...hostDifferences(then, manifest),
  ];
  return { ...inputs, repeat_of: { folder, started_at: then.started_at, differences } };
}

/** The part of the trace that is replayed. Throws `HP_TRACE_*`, `HP_REPLAY_*`. */
export async function selectOf(
  options: ReplayOptions,
  signal: AbortSignal,
): Promise<Pick<ManifestInputs, 'trace' | 'selection'>> {
  const whole = await readTrace(options, signal).catch((error: unknown) => {
    throw signal.aborted ? interruptedEarly() : error;
  });
  const trace = options.window ? windowOf(whole, options.window) : whole;
  if (trace.invocations.length === 0) {
    const begin = options.texts['begin'] ?? '0';
    throw badReplayOption('begin', begin, 'nothing arrives in that part of the trace');
  }
  const selection = selectMostInvoked(trace, countOf(trace, options), options.grouping);
  return { trace, selection };
}

/** What would be replayed so many times as fast, by emulated calls. Pure. */
export function planAt(
  selection: ManifestInputs['selection'],
  options: ReplayOptions,
  speedup: number,
): ReplayPlan {
  return buildPlan(selection, planOptions(options, speedup));
}

function keepAliveMs({ keep_alive_s }: ReplayOptions, speedup: number): number {
  return Math.round((keep_alive_s * 1e6) / speedup) / 1000;
}

function planOptions(options: ReplayOptions, speedup: number): PlanOptions {
  return {
    speedup,
    warm_up_ms: options.warm_up_s * 1000,
    gap_scale: options.gap_scale,
    duration_scale: options.duration_scale,
    model: options.memory_model,
    mapping: options.memory_map,
    seed: options.seed,
    sizing: {
      scale: options.memory_scale,
      touched_share: options.touched_share,
      file_share: options.file_share,
      most_vcpus: options.most_vcpus,
      boot_base_bytes: options.boot_base_bytes,
    },
    concurrency: options.concurrency,
    cpu_share: options.cpu_share,
    course: options.course,
    keep_alive_ms: keepAliveMs(options, speedup),
  };
}

/** Of the repeated run, where its speed-up is that of this one. */
function keptChoice(repeated: Repeated | null, { speedup }: ReplayOptions): SpeedupChoice | null {
  const kept = repeated?.manifest.speedup_choice ?? null;
  return kept?.speedup === speedup ? kept : null;
}

/** Throws HP_YAML. */
async function standsOf(
  plan: ReplayPlan,
  { work }: ReplayOptions,
  programs: Pick<RealPrograms, 'needsOf'>,
): Promise<PreparedRun['stands']> {
  if (work === 'emulated') return new Map();
  const needs = await programs.needsOf(PROGRAM_COSTS.map(({ name }) => name));
  return chooseStands(plan, (name) => {
    const found = needs.get(name);
    assert(found, 'a program of the table has a function.yaml');
    return found;
  });
}

/** Calls that the repeated run has measured: the same sizes are the same run. */
function pointsOf(
  repeated: Repeated | null,
  stands: PreparedRun['stands'],
): ReadonlyMap<string, readonly CurvePoint[]> {
  const functions = repeated?.manifest.functions ?? [];
  return new Map(
    functions.flatMap(({ name, real }) => {
      const is_same = real !== null && real.program === stands.get(name)?.costs.name;
      return is_same && real.points.length > 0 ? [[name, real.points] as const] : [];
    }),
  );
}

/** The files of `--trace`; one whose own name has a comma is one file. */
export function traceFiles(named: string): string[] {
  return existsSync(named) ? [named] : named.split(',');
}

/** Of functions that were chosen there may be fewer than --functions. */
function countOf(
  { functions }: Trace,
  { functions: most, choice, grouping }: ReplayOptions,
): number {
  if (!choice) return most;
  const names = functions.map(({ app, func }) => (grouping === 'app' ? app : `${app},${func}`));
  return Math.min(most, new Set(names).size);
}

/** Of the formats that count by the minute only the most invoked functions are unfolded. */
async function readTrace(options: ReplayOptions, signal: AbortSignal): Promise<Trace> {
  const { trace: named, functions, grouping, seed, choice, duration_scale } = options;
  const longest_duration_ms = (LIMITS.invocation_ms * options.speedup) / duration_scale;
  const chosen = grouping === 'function' ? functions : null;
  const open = { ...OPEN_DEFAULTS, seed, functions: chosen, choice, longest_duration_ms, signal };
  const trace = await openTrace(traceFiles(named), open);
  const longest_ms = trace.invocations.duration_ms.reduce((most, one) => Math.max(most, one), 0);
  if (longest_ms <= longest_duration_ms) return trace;
  const most = formatMs(longest_duration_ms);
  const problem = `an invocation takes ${formatMs(longest_ms)}, and at most ${most} can be sent`;
  throw badReplayOption('speedup', String(options.speedup), problem);
}

/** The agent would refuse these too, but only when its turn comes. */
function checkSizes(functions: ReplayPlan['functions']): void {
  const big = functions.find((one) => one.boot_bytes > LIMITS.function_bytes);
  if (!big) return;
  const most = formatBytes(LIMITS.function_bytes);
  const problem = `${big.name} would have ${formatBytes(big.boot_bytes)} of it, at most ${most}`;
  throw badReplayOption('boot-memory', formatBytes(big.boot_bytes), problem);
}

/** The reader's own schema decides, so that no run ends with results nobody can read. */
function checkedManifest(inputs: PreparedRun): Manifest {
  const manifest = buildManifest(inputs, 'running', inputs.options.mechanisms.map(waitingRun));
  const result = manifestSchema.safeParse(manifest);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw cannotBeRecorded(issue?.path.join('.') ?? 'manifest', issue?.message ?? 'not valid');
}
