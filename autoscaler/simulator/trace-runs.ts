/** Runs of a trace as result folders, each with the baseline that moves nothing. */
import { join } from 'node:path';
import { BASELINE } from '../../agent/model/mechanism.ts';
import type { Manifest } from '../results/schema.ts';
import { SCHEMA_VERSION } from '../results/schema.ts';
import { traceFacts } from '../results/trace-facts.ts';
import type { Trace } from '../trace/trace.ts';
import { playFast } from './fast-engine.ts';
import { WIDE_HOST } from './host-model.ts';
import { MECHANISM_MODELS } from './mechanism-models.ts';
import { writeSimulatedRun, type SimulatedRun } from './result-folder.ts';
import { RunRecorder } from './run-recorder.ts';
import type { SimulateInput } from './simulate-command.ts';
import { hostFor, nameOfChoice, needsReference, type PolicyChoice } from './simulation.ts';
import { tableOf } from './simulation.ts';
import type { SimCosts, SimWorkload } from './workload.ts';

/** Of more invocations lines are written only where they are asked for: a kilobyte each. */
const LINES_MAX = 100_000;

/** How a command line names its runs' folders; the only run has the whole folder. */
function foldersOf(out: string, choices: readonly PolicyChoice[]): string[] {
  if (choices.length === 1) return [out];
  return choices.map((choice, index) =>
    join(out, `${index + 1}-${nameOfChoice(choice).replaceAll(/[^\w.+]+/g, '-')}`),
  );
}

/** The folders that were written; none: there would be too many lines. Throws `HP_RESULTS_*`. */
export async function writeTraceRuns(
  input: SimulateInput & { readonly out: string },
  trace: Trace,
  workload: SimWorkload,
  costs: SimCosts,
): Promise<string[]> {
  const { out, lines, signal } = input;
  const choices = input.choices.filter((choice) => !needsReference(choice));
  if (!lines && workload.invocations.length > LINES_MAX) return [];
  const folders = foldersOf(out, choices);
  for (const [index, choice] of choices.entries()) {
    signal.throwIfAborted();
    const own = played(input, workload, costs, choice);
    const { peaks } = own;
    const runs = [own];
    const keeps = MECHANISM_MODELS.get(BASELINE);
    if (keeps) runs.unshift(played(input, workload, { ...costs, mechanism: keeps }, choice, peaks));
    const about = manifestOf(input, trace, workload, { choice, peaks });
    await writeSimulatedRun(folders[index] ?? out, about, 'fast', runs);
  }
  return folders;
}

interface Recorded extends SimulatedRun {
  readonly peaks: Int32Array;
}

/** `held`: instances whose memory is there all the time. */
function played(
  { host }: SimulateInput,
  workload: SimWorkload,
  costs: SimCosts,
  choice: PolicyChoice,
  held?: Int32Array,
): Recorded {
  const { functions } = workload;
  const recorder = new RunRecorder(workload, costs);
  // What is never given back has no limit to wait for: it is the whole of what could be needed.
  const limits = held ? WIDE_HOST : hostFor(choice, host);
  const table = tableOf(choice, workload);
  const { peak_instances } = playFast(workload, costs, table, limits, recorder);
  const none = functions.map(() => 0);
  const bytes = functions.map(({ region_bytes }, fn) => region_bytes * (held?.[fn] ?? 0));
  const peaks = peak_instances ?? new Int32Array(functions.length);
  return { costs, lines: recorder.finish(none, bytes), peaks };
}

function manifestOf(
  input: SimulateInput,
  trace: Trace,
  { functions, invocations, window_ms }: SimWorkload,
  { choice, peaks }: { readonly choice: PolicyChoice; readonly peaks: Int32Array },
): Parameters<typeof writeSimulatedRun>[1] {
  const counts = new Int32Array(functions.length);
  for (const fn of invocations.function_index) counts[fn] = (counts[fn] ?? 0) + 1;
  const { keep_alive_ms } = choice;
  const { name, source } = input.model;
  return {
    schema_version: SCHEMA_VERSION,
    started_at: '',
    command: ['hotplane', 'simulate'],
    options: { ...input.options, policy: choice.policy },
    provenance: null,
    repeat_of: null,
    resumed_from: null,
    seed: input.open.seed,
    baseline: BASELINE,
    inputs: (trace.inputs ?? [trace.input]).map((one) => ({ ...one, format: trace.format })),
    versions: { hotplane: input.hotplane_version, node: '', agent: '' },
    host: null,
    guest: { init_on_alloc: false, huge_pages: false, backing: 'simulated' },
    trace: traceFacts(trace, {
      grouping: input.grouping,
      speedup: 1,
      rows_used: invocations.length,
      functions_used: functions.length,
      used: null,
    }),
    policy: { name: nameOfChoice(choice), keep_alive_s: keep_alive_ms / 1000, keep_alive_ms },
    memory_model: { ...NO_TOUCHING, name, source },
    speedup_choice: null,
    window: { window_ms, load_ms: window_ms, keep_alive_ms, margin_ms: 0, warm_up: null },
    functions: functions.map((one, fn) => ({
      name: one.name,
      rank: fn + 1,
      app: one.app,
      func: one.func,
      invocations: counts[fn] ?? 0,
      profile: name,
      limit_bytes: one.limit_bytes,
      anonymous_bytes: 0,
      file_bytes: 0,
      vcpus: 1,
      boot_bytes: 0,
      concurrency: Math.max(1, peaks[fn] ?? 1),
      peak_concurrency: null,
      keep_alive_ms,
      real: null,
    })),
  };
}

/** A model moves and counts memory; nobody touches it. */
const NO_TOUCHING: Omit<Manifest['memory_model'], 'name' | 'source'> = {
  mapping: 'rank',
  scale: 1,
  touched_share: 0,
  file_share: 0,
  cpu_share: 0,
  concurrency: 'peak',
  most_vcpus: 1,
  boot_base_bytes: 0,
};
