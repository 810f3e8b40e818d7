/** What a profile run comes to: arrival errors, stages, counters. Pure. */
import { type Distribution, describe, Sample } from '../../base/statistics.ts';
import type { LoadLine, OperationLine } from '../results/schema.ts';
import type { ProfileArchive, ProfiledCall, ProfileManifest } from './archive.ts';
import { type AccessGroup, accessGroups, cacheText } from './access-summary.ts';
import { type Interference, interferenceOf } from './interference.ts';
import { type CallStage, type CallStages, splitCalls } from './stages.ts';

/** A value for each stage. */
export type PerStage<T> = Readonly<Record<CallStage, T>>;

/** Calls of one instance of the workload that were cold, or warm. */
export interface StageGroup {
  readonly instance: string;
  readonly function: string;
  readonly mechanism: string;
  readonly cold: boolean;
  readonly done: number;
  readonly stages: PerStage<Distribution>;
  /** Of calls that have all of their stages: the means add up to that of the whole. */
  readonly mean_ms: PerStage<number | null>;
  readonly whole: Distribution;
  readonly unplug: Distribution;
  /** Means of what the guest told of these calls; null: it told nothing. */
  readonly minor_faults: number | null;
  readonly guest_cpu_ms: number | null;
  readonly first_touch_cpu_ms: number | null;
  readonly anonymous_bytes: number | null;
}

/** A counter that this tool, or this host, does not tell. */
export interface NotCounted {
  readonly what: string;
  readonly why: string;
}

export interface ProfileSummary {
  readonly test_name: string;
  readonly status: ProfileManifest['status'];
  readonly seed: number;
  readonly arrivals: number;
  readonly outcomes: Readonly<Record<ProfiledCall['outcome'], number>>;
  /** Planned, and neither sent nor told of: the run ended before. */
  readonly never_sent: number;
  /** Of |sent - due|. */
  readonly arrival_error: Distribution;
  readonly latest_ms: number | null;
  readonly earliest_ms: number | null;
  /** Until the agent had it, of received - due. */
  readonly received_error: Distribution;
  readonly groups: readonly StageGroup[];
  /** What unplugs of other functions cost the warm calls of an instance. */
  readonly interference: readonly Interference[];
  readonly operations: OperationCounts;
  /** Means over the run; null: this host does not tell. */
  readonly host: HostCounts;
  /** The most that the VMs held of the host; null: no VM was seen. */
  readonly resident_bytes_max: number | null;
  /** Null: nobody counted accesses. */
  readonly accesses: readonly AccessGroup[] | null;
  /** The cache that fills are those of, in words. */
  readonly access_cache: string | null;
  readonly not_counted: readonly NotCounted[];
}

interface OperationCounts {
  readonly plugs: number;
  readonly unplugs: number;
  readonly not_done: number;
  /** Null: a guest did not tell. */
  readonly pages_migrated: number | null;
}

interface HostCounts {
  readonly other_cpu_share: number | null;
  readonly own_cpu_share: number | null;
  readonly steal_share: number | null;
  readonly psi_cpu_some_share: number | null;
  readonly psi_memory_some_share: number | null;
}

export interface SummarizedProfile {
  readonly summary: ProfileSummary;
  readonly calls: readonly CallStages[];
}

export function summarizeProfile(archive: ProfileArchive): SummarizedProfile {
  const { manifest, calls: lines, operations, memory, load } = archive;
  const calls = splitCalls(lines, operations);
  const errors = calls.map((one) => one.arrival_error_ms).filter((one) => one !== null);
  const planned = manifest.instances.reduce((sum, one) => sum + one.arrivals, 0);
  const host = hostCounts(load);
  const summary: ProfileSummary = {
    test_name: manifest.workload.test_name,
    status: manifest.status,
    seed: manifest.seed,
    arrivals: planned,
    outcomes: outcomesOf(lines),
    never_sent: Math.max(0, planned - lines.length),
    arrival_error: describe(Sample.of(errors.map(Math.abs))),
    latest_ms: most(errors),
    earliest_ms: negated(most(errors.map((one) => -one))),
    received_error: describe(Sample.of(calls.map((one) => one.received_error_ms))),
    groups: groupsOf(manifest, lines, calls),
    interference: interferenceOf(lines, calls, operations),
    operations: operationCounts(operations),
    host,
    resident_bytes_max: most(residentSums(memory)),
    accesses: accessGroups(archive),
    access_cache: cacheText(archive.accesses),
    not_counted: notCounted(host, archive.accesses !== null),
  };
  return { summary, calls };
}

function outcomesOf(lines: readonly ProfiledCall[]): ProfileSummary['outcomes'] {
  const counts = { done: 0, refused: 0, failed: 0, interrupted: 0 };
  for (const { outcome } of lines) counts[outcome] += 1;
  return counts;
}

/** In the order of the workload, cold before warm; those without a call that was done are not. */
function groupsOf(
  manifest: ProfileManifest,
  lines: readonly ProfiledCall[],
  calls: readonly CallStages[],
): StageGroup[] {
  return manifest.instances.flatMap((instance) =>
    [true, false].flatMap((cold) => {
      const at = calls.flatMap((call, index) =>
        call.instance === instance.name && call.cold === cold && call.outcome === 'done'
          ? [index]
          : [],
      );
      if (at.length === 0) return [];
      const own = at.flatMap((index) => calls[index] ?? []);
      const told = at.flatMap((index) => lines[index] ?? []);
      const spec = manifest.functions.find(
        ({ spec: { name } }) => name === instance.function,
      )?.spec;
      return {
        instance: instance.name,
        function: instance.function,
        mechanism: spec?.mechanism ?? '',
        cold,
        done: own.length,
        ...stagesOver(own),
        minor_faults: meanOf(told.map((one) => one.minor_faults)),
        guest_cpu_ms: meanOf(told.map((one) => one.guest_cpu_ms)),
        first_touch_cpu_ms: meanOf(told.map((one) => one.guest_touch_cpu_ms)),
        anonymous_bytes: meanOf(told.map((one) => one.anonymous_bytes)),
      };
    }),
  );
}

/** What had no such stage is not counted as one that was not reached. */
function stagesOver(
  own: readonly CallStages[],
): Pick<StageGroup, 'stages' | 'mean_ms' | 'whole' | 'unplug'> {
  const valuesOf = (of: (call: CallStages) => number | null): number[] =>
    own.map(of).filter((value) => value !== null);
  const told = (of: (call: CallStages) => number | null): Distribution =>
    describe(Sample.of(valuesOf(of)));
  return {
    stages: perCallStage((stage) => told((call) => call.stages_ms[stage])),
    mean_ms: perCallStage((stage) => {
      const values = valuesOf((call) => call.stages_ms[stage]);
      return values.length === 0 ? null : sumOf(values) / own.length;
    }),
    whole: told((call) => call.whole_ms),
    unplug: told((call) => call.unplug_ms),
  };
}

function perCallStage<T>(valueOf: (stage: CallStage) => T): PerStage<T> {
  return {
    queue: valueOf('queue'),
    permit: valueOf('permit'),
    plug: valueOf('plug'),
    start: valueOf('start'),
    first_touch: valueOf('first_touch'),
    execute: valueOf('execute'),
  };
}

function operationCounts(operations: readonly OperationLine[]): OperationCounts {
  const of = (kind: OperationLine['kind']): number =>
    operations.filter((one) => one.kind === kind).length;
  const migrated = operations
    .filter(({ kind }) => kind === 'unplug')
    .map(({ pages_migrated }) => pages_migrated);
  return {
    plugs: of('plug'),
    unplugs: of('unplug'),
    not_done: operations.filter(({ outcome }) => outcome !== 'done').length,
    pages_migrated: migrated.some((one) => one === null) ? null : sumOf(migrated.map(Number)),
  };
}

/** Weighed by how long each look was. */
function hostCounts(load: readonly LoadLine[]): HostCounts {
  const share = (name: keyof HostCounts): number | null => {
    let [sum, whole_ms] = [0, 0];
    for (const line of load) {
      const value = line[name];
      if (value === null) continue;
      sum += value * line.interval_ms;
      whole_ms += line.interval_ms;
    }
    return whole_ms === 0 ? null : sum / whole_ms;
  };
  return {
    other_cpu_share: share('other_cpu_share'),
    own_cpu_share: share('own_cpu_share'),
    steal_share: share('steal_share'),
    psi_cpu_some_share: share('psi_cpu_some_share'),
    psi_memory_some_share: share('psi_memory_some_share'),
  };
}

/** Of all VMs together, after each step of any of them. */
function residentSums(memory: ProfileArchive['memory']): number[] {
  const now = new Map<string, number>();
  let sum = 0;
  return memory.map(({ vm_id, resident_bytes }) => {
    sum += resident_bytes - (now.get(vm_id) ?? 0);
    now.set(vm_id, resident_bytes);
    return sum;
  });
}

function notCounted(host: HostCounts, counts: boolean): NotCounted[] {
  const misses = counts ? "branch misses, and those of this host's caches" : MISSES;
  const found: NotCounted[] = [
    { what: misses, why: 'no performance counter is read, which perf(1) would need rights for' },
    { what: 'major faults', why: 'guests do not tell them' },
  ];
  const unknown = (value: number | null, what: string, why: string): void => {
    if (value === null) found.push({ what, why });
  };
  unknown(host.psi_cpu_some_share, 'PSI', 'this host has no /proc/pressure');
  unknown(host.steal_share, 'steal', 'this host has no /proc/stat');
  return found;
}

const MISSES = 'instructions, cache and branch misses';

const sumOf = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : sumOf(known) / known.length;
}

function most(values: readonly number[]): number | null {
  let found: number | null = null;
  for (const value of values) if (found === null || value > found) found = value;
  return found;
}

const negated = (value: number | null): number | null => (value === null ? null : 0 - value);
