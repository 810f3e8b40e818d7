/** The manifest of a run, from all that decided it. Pure. */
import { BASELINE } from '../../agent/model/mechanism.ts';
import { SCHEMA_VERSION } from '../results/schema.ts';
import type { Manifest, MechanismRun, Provenance } from '../results/schema.ts';
import { traceFacts } from '../results/trace-facts.ts';
import type { Selection } from '../trace/select.ts';
import type { Trace } from '../trace/trace.ts';
import type { ReplayOptions } from './options.ts';
import type { ReplayPlan } from './plan.ts';
import { NOT_DEPLOYED } from './vm-about.ts';

/** What only the edge knows: the machine, the versions, the wall clock. */
export interface RunFacts {
  readonly host: NonNullable<Manifest['host']>;
  readonly versions: Manifest['versions'];
  /** Null where nothing of it is known. */
  readonly provenance: Provenance | null;
  readonly started_at: string;
  /** As the user typed it, with the name `hotplane` for the program. */
  readonly command: readonly string[];
}

export interface ManifestInputs {
  readonly options: ReplayOptions;
  readonly trace: Trace;
  readonly selection: Selection;
  readonly plan: ReplayPlan;
  readonly policy_name: string;
  readonly keep_alive_ms: number;
  /** How the speed-up was chosen, now or by the run that is repeated; null: it was said. */
  readonly speedup_choice: Manifest['speedup_choice'];
  readonly facts: RunFacts;
  /** The run this one repeats, and what differs from it. */
  readonly repeat_of: Manifest['repeat_of'];
  /** What was taken over of a run that was cut off; null: all of it is this run's. */
  readonly resumed_from: Manifest['resumed_from'];
}

export function buildManifest(
  inputs: ManifestInputs,
  status: Manifest['status'],
  runs: readonly MechanismRun[],
): Manifest {
  const { options, trace, selection, plan, facts } = inputs;
  return {
    schema_version: SCHEMA_VERSION,
    kind: 'replay',
    status,
    started_at: facts.started_at,
    command: [...facts.command],
    options: { ...options.texts },
    provenance: facts.provenance,
    repeat_of: inputs.repeat_of,
    resumed_from: inputs.resumed_from,
    seed: options.seed,
    baseline: BASELINE,
    inputs: [{ ...trace.input, format: trace.format }],
    versions: facts.versions,
    host: facts.host,
    mechanisms: [...runs],
    simulated: null,
    guest: {
      init_on_alloc: options.init_on_alloc,
      huge_pages: options.guest_huge_pages,
      backing: options.backing,
    },
    speedup_choice: inputs.speedup_choice,
    trace: traceFacts(trace, {
      grouping: options.grouping,
      speedup: options.speedup,
      rows_used: selection.rows_used,
      functions_used: selection.functions.length,
      used: {
        zero_durations: selection.zero_durations,
        negative_starts: selection.negative_starts,
        span_ms: selection.span_ms,
      },
    }),
    policy: {
      name: inputs.policy_name,
      keep_alive_s: options.keep_alive_s,
      keep_alive_ms: inputs.keep_alive_ms,
    },
    memory_model: modelFacts(options),
    window: {
      window_ms: plan.window_ms,
      load_ms: plan.load_ms,
      keep_alive_ms: inputs.keep_alive_ms,
      margin_ms: plan.window_margin_ms,
      warm_up: plan.warm_up.ms > 0 ? plan.warm_up : null,
    },
    functions: plan.functions.map((planned) => ({ ...planned })),
  };
}

/** A mechanism whose turn has not come. */
export function waitingRun(name: string): MechanismRun {
  return {
    name,
    status: 'waiting',
    observed_ms: 0,
    drained: false,
    ...NOT_DEPLOYED,
    error: null,
    clock_start_ms: null,
    failures: null,
  };
}

function modelFacts(options: ReplayOptions): Manifest['memory_model'] {
  return {
    name: options.memory_model.name,
    source: options.memory_model.source,
    mapping: options.memory_map,
    scale: options.memory_scale,
    touched_share: options.touched_share,
    file_share: options.file_share,
    cpu_share: options.cpu_share,
    concurrency: String(options.concurrency),
    most_vcpus: options.most_vcpus,
    boot_base_bytes: options.boot_base_bytes,
  };
}
