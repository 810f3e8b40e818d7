/** Picks samples out of a run: the same few questions for checks, tables and plots. Pure. */
import { type BenchMechanism, type Condition, conditionOf, matches } from '../plan/cell.ts';
import type {
  BenchData,
  CostLine,
  FloorLine,
  BenchOperation,
  RequestKind,
} from '../results/records.ts';
import { rounded } from '../../statistics.ts';

export interface OperationFilter {
  readonly kind: BenchOperation['kind'];
  readonly mechanism?: BenchMechanism;
  readonly condition?: Partial<Condition>;
}

export function operationsOf(data: BenchData, filter: OperationFilter): BenchOperation[] {
  return data.operations.filter(
    (one) =>
      one.kind === filter.kind &&
      (filter.mechanism === undefined || one.cell.mechanism === filter.mechanism) &&
      matches(one.cell, filter.condition ?? {}),
  );
}

/** What did not get there has no time; whoever shows a median says how many those were. */
export function reached(
  operations: readonly BenchOperation[],
  stage: 'accepted_ms' | 'plugged_ms' | 'resident_ms',
): number[] {
  return knownOf(operations.map((one) => (one.outcome === 'done' ? one[stage] : null)));
}

/** From the VMM's word that it took the target until the end: what is not the VMM's own part. */
export function afterAccepted(operations: readonly BenchOperation[]): number[] {
  return knownOf(
    operations.map(({ outcome, accepted_ms, plugged_ms }) =>
      outcome === 'done' && accepted_ms !== null && plugged_ms !== null
        ? rounded(plugged_ms - accepted_ms)
        : null,
    ),
  );
}

export function floorOf(
  data: BenchData,
  backing: FloorLine['backing'],
  region_bytes: number,
): number[] {
  return data.floor
    .filter((line) => line.backing === backing && line.region_bytes === region_bytes)
    .map((line) => line.discard_ms);
}

/** Share of the region's resident memory that the host held in huge pages, over all blocks. */
export function hugeShare(data: BenchData, condition: Partial<Condition>): number | null {
  const blocks = data.blocks.filter(
    ({ cell, outcome }) => outcome === 'done' && matches(cell, condition),
  );
  const resident_bytes = blocks.reduce((sum, block) => sum + block.resident_bytes, 0);
  const huge_bytes = blocks.reduce((sum, block) => sum + block.host_huge_bytes, 0);
  return resident_bytes === 0 ? null : huge_bytes / resident_bytes;
}

/** The kind of host page that most of the memory under this condition really had. */
export function floorBacking(
  data: BenchData,
  condition: Partial<Condition>,
): FloorLine['backing'] | null {
  if (condition.backing === 'memfd') return 'memfd';
  const share = hugeShare(data, condition);
  if (share === null) return null;
  return share >= 0.5 ? 'anonymous-huge' : 'anonymous-4k';
}

export function neighbourLatencies(
  data: BenchData,
  mechanism: BenchMechanism,
  request: RequestKind,
  when: 'quiet_ms' | 'sham_ms' | 'busy_ms',
): number[] {
  const lines = data.neighbour.filter(
    (line) => line.cell.mechanism === mechanism && line.request === request,
  );
  return lines.flatMap((line) => line[when]);
}

export function costs(
  data: BenchData,
  wanted: Pick<CostLine, 'part' | 'variant' | 'metric' | 'threads'> & Partial<CostLine>,
): number[] {
  return data.cost
    .filter(
      (line) =>
        line.part === wanted.part &&
        line.variant === wanted.variant &&
        line.metric === wanted.metric &&
        line.threads === wanted.threads &&
        (wanted.region_bytes ?? line.region_bytes) === line.region_bytes,
    )
    .map((line) => line.ns);
}

/** Conditions that were run, each once, in the order of the plan. */
export function conditionsOf(data: BenchData): Condition[] {
  return data.manifest.plan.groups.map(({ condition }) => conditionOf(condition));
}

export function knownOf<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value): value is T => value !== null);
}
