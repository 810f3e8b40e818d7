/** Every figure of a report, from the lines of a result folder and nothing else. Pure. */
import { PERCENTILE_RULE } from '../../base/statistics.ts';
import type { FilesRead } from '../results/reader.ts';
import type { Manifest, MechanismRun } from '../results/schema.ts';
import { RESULT_FILES } from '../results/writer.ts';
import { checkAgreement, type Agreement } from './agreement.ts';
import { marksOf, type Mark, type Reason } from './comparability.ts';
import { reasonsAgainst, reasonsAgainstBaseline } from './comparability.ts';
import { idealOf, type Ideal } from './ideal.ts';
import { integrate, longestGap } from './integral.ts';
import { IN_TIME_MS, type InvocationSummary } from './invocations.ts';
import type { LoadSummary } from './load.ts';
import type { OperationSummary } from './operations.ts';
import type { MechanismTally, RunTally } from './run-tally.ts';
import { vmProblems } from './vm-life.ts';

/** GiB·s over the window, or a share of them; null: not known, or not stated. */
export interface MemoryFigures {
  readonly committed: number | null;
  readonly plugged: number | null;
  readonly used: number | null;
  readonly resident: number | null;
  /** Of the regions alone, without boot memory and the VMM. */
  readonly region_resident: number | null;
}

export interface MechanismSummary {
  readonly mechanism: string;
  readonly status: MechanismRun['status'];
  readonly vmm: string;
  readonly accelerator: string;
  readonly guest_kernel: string;
  readonly error: string | null;
  /** Length of the window over which memory is integrated; shorter when the run ended early. */
  readonly observed_ms: number;
  /** True when all planned work was done, every VM lived, and nothing disturbed the window. */
  readonly comparable: boolean;
  /** Why no saving is stated; empty where one is, and for the baseline. */
  readonly not_compared: readonly Reason[];
  readonly marks: readonly Mark[];
  readonly load: LoadSummary;
  readonly memory_gib_s: MemoryFigures;
  /** The same for each invocation served in time; null when none was. */
  readonly memory_gib_s_per_in_time: MemoryFigures;
  /** 1 - own / baseline; null for the baseline itself and for what cannot be compared. */
  readonly saving: MemoryFigures;
  /** The same of the figures for each invocation served in time. */
  readonly saving_per_in_time: MemoryFigures;
  /** Of what the ideal would save of committed memory, what was saved. */
  readonly reached_of_ideal: number | null;
  /** Longest time without a memory record of a VM within the window. */
  readonly longest_memory_gap_ms: number;
  readonly operations: OperationSummary;
  readonly invocations: InvocationSummary;
  /** Starts of instances in the run, whoever they then served; null when nobody counted them. */
  readonly instance_starts: number | null;
  readonly pages_migrated: {
    /** The guests' own counts, end minus start; null when a guest could not be asked at the end. */
    readonly whole_run: number | null;
    /** Sum over the operations; operations of one VM that overlap count each other's pages too. */
    readonly in_operations: number | null;
  };
  readonly oom_kills: number | null;
  /** Brought about on purpose; absent: none were planned. */
  readonly failures?: { readonly injected: number; readonly not_injected: number };
  readonly drained: boolean;
  readonly final_agreement: Agreement;
}

export interface Summary {
  /** Of the folder it was made from. */
  readonly schema_version: Manifest['schema_version'];
  /** Absent: it was measured. */
  readonly simulated?: true;
  readonly status: string;
  readonly baseline: string;
  readonly percentile_definition: string;
  /** An invocation is served in time when it is done this long after its planned end. */
  readonly in_time_ms: number;
  readonly window_ms: number;
  /** Replayed before the window and in no figure; absent: nothing was. */
  readonly warm_up?: { readonly ms: number; readonly invocations: number };
  /** How the speed-up was chosen; absent: somebody said it. */
  readonly speedup_choice?: NonNullable<Manifest['speedup_choice']>;
  /** Functions for which real programs stood; absent: every call was emulated. */
  readonly real?: readonly Manifest['functions'][number][];
  /** Null when the folder does not hold the whole plan. */
  readonly ideal: Ideal | null;
  readonly mechanisms: readonly MechanismSummary[];
  readonly torn_files: readonly string[];
  readonly missing_files: readonly string[];
  /** Lines of mechanisms that had no turn by the manifest; in no figure. */
  readonly foreign_lines: number;
}

/** A mechanism before it is compared. */
type Alone = Omit<MechanismSummary, 'saving' | 'saving_per_in_time' | 'reached_of_ideal'>;

export function summarize(tally: RunTally, files: FilesRead): Summary {
  const { manifest } = tally;
  const alone = tally.mechanisms.map((one) => summarizeAlone(one, manifest, files));
  const baseline = alone.find((one) => one.mechanism === manifest.baseline) ?? null;
  const ideal = idealOfRun(tally);
  const real = manifest.functions.filter((one) => one.real !== null);
  return {
    schema_version: manifest.schema_version,
    ...(isSimulated(manifest) && { simulated: true as const }),
    status: manifest.status,
    baseline: manifest.baseline,
    percentile_definition: PERCENTILE_RULE,
    in_time_ms: IN_TIME_MS,
    window_ms: manifest.window.window_ms,
    ...(manifest.window.warm_up && { warm_up: manifest.window.warm_up }),
    ...(manifest.speedup_choice && { speedup_choice: manifest.speedup_choice }),
    ...(real.length > 0 && { real }),
    ideal,
    mechanisms: alone.map((one) => compare(one, baseline, ideal)),
    torn_files: files.torn_files,
    missing_files: files.missing_files,
    foreign_lines: tally.foreign_lines,
  };
}

/** The plan is the same for all; the mechanism that was sent most of it tells it. */
export function planOf(tally: RunTally): MechanismTally | null {
  return tally.mechanisms.reduce<MechanismTally | null>(
    (most, one) => (one.invocations.lines > (most?.invocations.lines ?? -1) ? one : most),
    null,
  );
}

function idealOfRun(tally: RunTally): Ideal | null {
  const { trace, functions, window } = tally.manifest;
  const plan = planOf(tally)?.invocations.plan;
  if (!plan || plan.length === 0 || plan.length < trace.rows_used) return null;
  return idealOf(plan, functions, window.window_ms);
}

function summarizeAlone(tally: MechanismTally, manifest: Manifest, files: FilesRead): Alone {
  const { run, steps, checks } = tally;
  const { window_ms } = manifest.window;
  const observed_ms = Math.min(window_ms, run.observed_ms);
  const warmed_up = manifest.window.warm_up?.invocations ?? 0;
  const invocations = tally.invocations.summary(manifest.trace.rows_used - warmed_up);
  const operations = tally.operations.summary();
  const end = checks.filter((check) => check.at === 'end');
  const evidence = {
    run,
    window_ms,
    invocations,
    load: tally.load.summary(observed_ms),
    // Simulated VMs live, and their memory is told when it changes.
    vm_problems: isSimulated(manifest)
      ? []
      : vmProblems({
          functions: manifest.functions.map((one) => one.name),
          steps,
          checks,
          window_ms: observed_ms,
        }),
    incomplete_files: incompleteFiles(files),
  };
  const not_compared = reasonsAgainst(evidence);
  const cost = costOf(tally, observed_ms);
  return {
    mechanism: run.name,
    status: run.status,
    vmm: run.vmm,
    accelerator: run.accelerator,
    guest_kernel: run.guest_kernel,
    error: run.error,
    observed_ms,
    comparable: not_compared.length === 0,
    not_compared,
    marks: marksOf(evidence).filter((mark) => !isSimulated(manifest) || mark === 'saturated'),
    load: evidence.load,
    memory_gib_s: cost,
    memory_gib_s_per_in_time: mapFigures(cost, (gib_s) =>
      invocations.in_time > 0 ? rounded(gib_s / invocations.in_time) : null,
    ),
    longest_memory_gap_ms: longestGap(steps, 0, observed_ms),
    operations,
    invocations,
    instance_starts: grown(checks, 'instances_started') ?? (operations.starts.n || null),
    pages_migrated: {
      whole_run: grown(checks, 'pages_migrated'),
      in_operations: tally.operations.pages_migrated,
    },
    oom_kills: grown(checks, 'oom_kills'),
    ...(run.failures !== null && { failures: countFailures(run.failures) }),
    drained: run.drained,
    final_agreement: checkAgreement(end),
  };
}

function compare(one: Alone, baseline: Alone | null, ideal: Ideal | null): MechanismSummary {
  const is_baseline = one.mechanism === baseline?.mechanism;
  const unequal =
    baseline && !is_baseline
      ? reasonsAgainstBaseline(one.invocations, {
          name: baseline.mechanism,
          invocations: baseline.invocations,
        })
      : [];
  const not_compared = [...one.not_compared, ...unequal];
  const against = baseline?.comparable && !is_baseline && not_compared.length === 0;
  const against_each = baseline?.comparable && !is_baseline && not_compared.every(isUnequalWork);
  const saving = (
    allowed: boolean | undefined,
    own: MemoryFigures,
    theirs: MemoryFigures | undefined,
  ): MemoryFigures =>
    mapFigures(own, (value, field) => {
      const base = theirs?.[field] ?? null;
      return allowed && base !== null && base > 0 ? rounded(1 - value / base) : null;
    });
  const base_gib_s = baseline?.memory_gib_s.committed ?? null;
  const own_gib_s = one.memory_gib_s.committed;
  const possible = ideal && base_gib_s !== null ? base_gib_s - ideal.with_keep_alive_gib_s : 0;
  const { comparable: _, not_compared: __, ...rest } = one;
  return {
    ...rest,
    comparable: not_compared.length === 0,
    not_compared,
    saving: saving(against, one.memory_gib_s, baseline?.memory_gib_s),
    saving_per_in_time: saving(
      against_each,
      one.memory_gib_s_per_in_time,
      baseline?.memory_gib_s_per_in_time,
    ),
    reached_of_ideal:
      against && possible > 0 && base_gib_s !== null && own_gib_s !== null
        ? rounded((base_gib_s - own_gib_s) / possible)
        : null,
  };
}

/** Of a simulation no load of a host can be told. */
function isSimulated({ kind }: Manifest): boolean {
  return kind === 'simulation';
}

/** Work that was not equal makes sums unfit to compare, not what each call served in time cost. */
function isUnequalWork({ code }: Reason): boolean {
  return code === 'unequal-work';
}

function countFailures(
  failures: NonNullable<MechanismRun['failures']>,
): NonNullable<MechanismSummary['failures']> {
  const injected = failures.filter(({ problem }) => problem === null).length;
  return { injected, not_injected: failures.length - injected };
}

/** What is wrong with the files that the figures of memory and invocations come from. */
function incompleteFiles({ torn_files, missing_files }: FilesRead): string[] {
  const needed: readonly string[] = [RESULT_FILES.invocations, RESULT_FILES.memory];
  return [
    ...missing_files.filter((file) => needed.includes(file)).map((file) => `${file} is missing`),
    ...torn_files
      .filter((file) => needed.includes(file))
      .map((file) => `the last line of ${file} was cut off`),
  ];
}

/** Nothing is known of a mechanism without a memory record: that is not the same as no memory. */
function costOf({ steps }: MechanismTally, observed_ms: number): MemoryFigures {
  if (steps.length === 0) return NOTHING;
  const cost = integrate(steps, 0, observed_ms);
  return {
    committed: cost.committed_bytes,
    plugged: cost.plugged_bytes,
    used: cost.used_bytes,
    resident: cost.resident_bytes,
    region_resident: cost.region_resident_bytes,
  };
}

const NOTHING: MemoryFigures = {
  committed: null,
  plugged: null,
  used: null,
  resident: null,
  region_resident: null,
};

function mapFigures(
  figures: MemoryFigures,
  change: (value: number, field: keyof MemoryFigures) => number | null,
): MemoryFigures {
  const of = (field: keyof MemoryFigures): number | null => {
    const value = figures[field];
    return value === null ? null : change(value, field);
  };
  return {
    committed: of('committed'),
    plugged: of('plugged'),
    used: of('used'),
    resident: of('resident'),
    region_resident: of('region_resident'),
  };
}

/** A counter of all VMs, end minus start; null when one could not be asked. */
function grown(
  checks: MechanismTally['checks'],
  field: 'pages_migrated' | 'oom_kills' | 'instances_started',
): number | null {
  const end = checks.filter((check) => check.at === 'end');
  if (end.length === 0 || end.some((check) => check.regions.length === 0)) return null;
  const start = new Map(
    checks.filter((check) => check.at === 'start').map((check) => [check.vm_id, check]),
  );
  let sum = 0;
  for (const check of end) {
    const after = check[field];
    // A VM that was started again counts from 0.
    const earlier = start.get(check.vm_id);
    const before = earlier ? earlier[field] : 0;
    if (after === null || before === null) return null;
    sum += after - before;
  }
  return sum;
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
