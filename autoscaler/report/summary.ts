/** Every figure of a report, from the lines of a result folder and nothing else. Pure. */
import type { ResultData } from '../results/reader.ts';
import { SCHEMA_VERSION } from '../results/schema.ts';
import type { InvocationLine, MemoryCheckLine, MemoryLine } from '../results/schema.ts';
import type { MechanismRun, MemoryStepLine, OperationLine } from '../results/schema.ts';
import { checkAgreement, type Agreement } from './agreement.ts';
import { integrate, longestGap, type MemoryCost } from './integral.ts';
import { summarizeInvocations, type InvocationSummary } from './invocations.ts';
import { summarizeOperations, type OperationSummary } from './operations.ts';

export interface MechanismSummary {
  readonly mechanism: string;
  readonly status: MechanismRun['status'];
  readonly vmm: string;
  readonly accelerator: string;
  readonly guest_kernel: string;
  readonly error: string | null;
  /** Length of the window over which memory is integrated; shorter when the run ended early. */
  readonly observed_ms: number;
  /** True when the whole common window was observed: only then can it be compared. */
  readonly comparable: boolean;
  readonly memory_gib_s: {
    readonly committed: number;
    readonly plugged: number;
    readonly used: number;
    readonly resident: number;
    /** Of the regions alone, without boot memory and the VMM. */
    readonly region_resident: number;
  };
  /** 1 - own / baseline; null for the baseline itself and for what cannot be compared. */
  readonly saving: {
    readonly committed: number | null;
    readonly plugged: number | null;
    readonly used: number | null;
    readonly resident: number | null;
    readonly region_resident: number | null;
  };
  /** Longest time without a memory record of a VM within the window. */
  readonly longest_memory_gap_ms: number;
  readonly operations: OperationSummary;
  readonly invocations: InvocationSummary;
  readonly pages_migrated: {
    /** The guests' own counts, end minus start; null when a guest could not be asked at the end. */
    readonly whole_run: number | null;
    /** Sum over the operations; operations of one VM that overlap count each other's pages too. */
    readonly in_operations: number;
  };
  readonly oom_kills: number | null;
  readonly drained: boolean;
  readonly final_agreement: Agreement;
}

export interface Summary {
  readonly schema_version: typeof SCHEMA_VERSION;
  readonly status: string;
  readonly baseline: string;
  readonly percentile_definition: string;
  readonly window_ms: number;
  readonly mechanisms: readonly MechanismSummary[];
  readonly torn_files: readonly string[];
}

export const PERCENTILE_DEFINITION =
  'nearest rank: the value at rank ceil(share x n) of the ascending sample, no interpolation; ' +
  'what was not reached ranks last and is null';

type Cost = MechanismSummary['memory_gib_s'];

export function summarize(data: ResultData): Summary {
  const { manifest } = data;
  const window_ms = manifest.window.window_ms;
  const parts = manifest.mechanisms
    .filter((run) => run.status !== 'waiting')
    .map((run) => ({ run, lines: linesOf(data, run.name) }));
  const costs = new Map(
    parts.map(({ run, lines }) => [
      run.name,
      toCost(integrate(lines.steps, 0, Math.min(window_ms, run.observed_ms))),
    ]),
  );
  const baseline_run = parts.find(({ run }) => run.name === manifest.baseline)?.run;
  const baseline_cost =
    baseline_run && baseline_run.observed_ms >= window_ms
      ? costs.get(baseline_run.name)
      : undefined;
  return {
    schema_version: SCHEMA_VERSION,
    status: manifest.status,
    baseline: manifest.baseline,
    percentile_definition: PERCENTILE_DEFINITION,
    window_ms,
    mechanisms: parts.map(({ run, lines }) => {
      const cost = costs.get(run.name) ?? NO_COST;
      const comparable = run.observed_ms >= window_ms;
      const against = comparable && run.name !== manifest.baseline ? baseline_cost : undefined;
      return summarizeMechanism(run, lines, window_ms, cost, against);
    }),
    torn_files: data.torn_files,
  };
}

interface Lines {
  readonly operations: readonly OperationLine[];
  readonly invocations: readonly InvocationLine[];
  readonly steps: readonly MemoryStepLine[];
  readonly checks: readonly MemoryCheckLine[];
}

/** The lines of one mechanism. */
export function linesOf(data: ResultData, mechanism: string): Lines {
  const memory = data.memory.filter((line) => line.mechanism === mechanism);
  return {
    operations: data.operations.filter((line) => line.mechanism === mechanism),
    invocations: data.invocations.filter((line) => line.mechanism === mechanism),
    steps: memory.filter((line: MemoryLine) => line.kind === 'step'),
    checks: memory.filter((line: MemoryLine) => line.kind === 'check'),
  };
}

function summarizeMechanism(
  run: MechanismRun,
  lines: Lines,
  window_ms: number,
  cost: Cost,
  against: Cost | undefined,
): MechanismSummary {
  const end = lines.checks.filter((check) => check.at === 'end');
  const start = lines.checks.filter((check) => check.at === 'start');
  const observed_ms = Math.min(window_ms, run.observed_ms);
  // A VM that was started again counts from 0.
  const grown = (field: 'pages_migrated' | 'oom_kills'): number | null => {
    if (end.length === 0 || end.some((check) => check.regions.length === 0)) return null;
    return end.reduce((sum, check) => {
      const before = start.find((one) => one.vm_id === check.vm_id)?.[field] ?? 0;
      return sum + check[field] - before;
    }, 0);
  };
  return {
    mechanism: run.name,
    status: run.status,
    vmm: run.vmm,
    accelerator: run.accelerator,
    guest_kernel: run.guest_kernel,
    error: run.error,
    observed_ms,
    comparable: run.observed_ms >= window_ms,
    memory_gib_s: cost,
    saving: savings(cost, against),
    longest_memory_gap_ms: longestGap(lines.steps, 0, observed_ms),
    operations: summarizeOperations(lines.operations),
    invocations: summarizeInvocations(lines.invocations, lines.operations, window_ms),
    pages_migrated: {
      whole_run: grown('pages_migrated'),
      in_operations: lines.operations.reduce((sum, line) => sum + line.pages_migrated, 0),
    },
    oom_kills: grown('oom_kills'),
    drained: run.drained,
    final_agreement: checkAgreement(end),
  };
}

const NO_COST: Cost = { committed: 0, plugged: 0, used: 0, resident: 0, region_resident: 0 };

function toCost(cost: MemoryCost): Cost {
  return {
    committed: cost.committed_bytes,
    plugged: cost.plugged_bytes,
    used: cost.used_bytes,
    resident: cost.resident_bytes,
    region_resident: cost.region_resident_bytes,
  };
}

function savings(cost: Cost, against: Cost | undefined): MechanismSummary['saving'] {
  const saving = (field: keyof Cost): number | null =>
    against && against[field] > 0
      ? Math.round((1 - cost[field] / against[field]) * 1e6) / 1e6
      : null;
  return {
    committed: saving('committed'),
    plugged: saving('plugged'),
    used: saving('used'),
    resident: saving('resident'),
    region_resident: saving('region_resident'),
  };
}
