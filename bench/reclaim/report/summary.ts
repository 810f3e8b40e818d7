/** summary.json: every figure the table and the report show, with its unit in its name. Pure. */
import { boundsOf } from '../../../base/number-list.ts';
import {
  type Cell,
  cellName,
  type Condition,
  conditionName,
  matches,
  REFERENCE,
} from '../plan/cell.ts';
import type { Check } from '../../check.ts';
import { checkAll } from './checks.ts';
import { type HardwarePrices, hardwarePrices } from './hardware.ts';
import { type CellEstimate, estimateCell } from './hardware-counts.ts';
import { type BenchLoadSummary, summarizeLoad } from './load.ts';
import {
  type BenchData,
  type CostLine,
  FLOOR_BACKINGS,
  type FloorLine,
  type PriceLine,
  REQUEST_KINDS,
  type RequestKind,
  BENCH_SCHEMA_VERSION,
} from '../results/records.ts';
import {
  conditionsOf,
  costs,
  floorBacking,
  floorOf,
  hugeShare,
  knownOf,
  neighbourLatencies,
  operationsOf,
  reached,
} from './select.ts';
import {
  percentileOf,
  type Ratio,
  ratioOfMedians,
  rounded,
  type Spread,
} from '../../statistics.ts';
import { spreadOf } from '../../statistics.ts';

export interface CellSummary {
  readonly cell: Cell;
  readonly name: string;
  readonly unplugs: number;
  readonly unplugs_not_done: number;
  readonly accepted_ms: Spread | null;
  readonly plugged_ms: Spread | null;
  readonly resident_ms: Spread | null;
  readonly guest_ms: Spread | null;
  readonly guest_cpu_ms: Spread | null;
  readonly pages_migrated: Spread | null;
  readonly vmm_requests: Spread | null;
  readonly map_bytes_left: number | null;
  readonly host_kept_bytes: Spread | null;
  readonly first_plug_ms: Spread | null;
  readonly replug_ms: Spread | null;
  readonly idle_unplug_ms: Spread | null;
  readonly fault_ns: Spread | null;
  readonly exit_ms: Spread | null;
  /** Unplug time of this mechanism over that of hotmem under the same condition. */
  readonly times_hotmem: Ratio | null;
  /** Of the same unplug on hardware: no measurement. Null with hardware virtualisation. */
  readonly hardware_estimate: CellEstimate | null;
}

export interface ConditionSummary {
  readonly condition: Condition;
  readonly name: string;
  readonly touched_bytes: number;
  readonly host_huge_share: number | null;
  /** The floor with the kind of host page the region really had. */
  readonly floor_backing: FloorLine['backing'] | null;
  readonly floor_ms: Spread | null;
  readonly cells: readonly CellSummary[];
}

export interface NeighbourSummary {
  readonly mechanism: string;
  readonly request: RequestKind;
  readonly quiet_n: number;
  /** Control: quiet requests that meet a window as long as an unplug. */
  readonly sham_n: number;
  readonly busy_n: number;
  readonly quiet_p50_ms: number | null;
  readonly quiet_p99_ms: number | null;
  readonly sham_p50_ms: number | null;
  readonly sham_p99_ms: number | null;
  readonly busy_p50_ms: number | null;
  readonly busy_p99_ms: number | null;
}

export interface BenchSummary {
  readonly schema_version: typeof BENCH_SCHEMA_VERSION;
  readonly status: string;
  readonly conditions: readonly ConditionSummary[];
  readonly floor: readonly {
    readonly backing: FloorLine['backing'];
    readonly region_bytes: number;
    readonly touched_bytes: number;
    readonly discard_ms: Spread | null;
  }[];
  readonly neighbour: readonly NeighbourSummary[];
  readonly cost: readonly {
    readonly part: string;
    readonly variant: string;
    readonly metric: string;
    readonly threads: number;
    readonly region_bytes: number;
    readonly ns: Spread | null;
  }[];
  /** What {@link CellSummary.hardware_estimate} is made of; null: nothing was estimated. */
  readonly hardware_prices: HardwarePrices | null;
  readonly prices: readonly PriceLine[];
  readonly load: BenchLoadSummary;
  readonly checks: readonly Check[];
  readonly blocks: { readonly done: number; readonly failed: number };
  /** Pages that were not zero when fresh, or not as written when checked. Must be 0. */
  readonly wrong_pages: number;
  /** Starts of instances that the guest refused and that were tried again, by mechanism. */
  readonly start_retries: Readonly<Record<string, number>>;
}

export function summarizeBench(data: BenchData): BenchSummary {
  return {
    schema_version: BENCH_SCHEMA_VERSION,
    status: data.manifest.status,
    conditions: conditionsOf(data).map((condition) => summarizeCondition(data, condition)),
    floor: summarizeFloor(data),
    neighbour: summarizeNeighbour(data),
    cost: summarizeCost(data),
    hardware_prices: hardwarePrices(data.prices),
    prices: data.prices,
    load: summarizeLoad(data.load),
    checks: checkAll(data),
    blocks: {
      done: data.blocks.filter(({ outcome }) => outcome === 'done').length,
      failed: data.blocks.filter(({ outcome }) => outcome === 'failed').length,
    },
    wrong_pages: data.instances.reduce(
      (sum, { dirty_pages, wrong_pages }) => sum + dirty_pages + (wrong_pages ?? 0),
      0,
    ),
    start_retries: retriesOf(data),
  };
}

function retriesOf(data: BenchData): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { cell, retries } of data.instances) {
    if (retries > 0) sums[cell.mechanism] = (sums[cell.mechanism] ?? 0) + retries;
  }
  return sums;
}

function summarizeCondition(data: BenchData, condition: Condition): ConditionSummary {
  const group = data.manifest.plan.groups.find((one) => matches(one.condition, condition));
  const backing = floorBacking(data, condition);
  const share = hugeShare(data, condition);
  const touched = data.blocks.find(
    ({ cell, outcome }) => outcome === 'done' && matches(cell, condition),
  );
  return {
    condition,
    name: conditionName(condition),
    touched_bytes: touched?.fill_bytes ?? 0,
    host_huge_share: share === null ? null : rounded(share),
    floor_backing: backing,
    floor_ms: backing ? spreadOf(floorOf(data, backing, condition.region_bytes)) : null,
    cells: (group?.mechanisms ?? []).map((mechanism) =>
      summarizeCell(data, { mechanism, ...condition }),
    ),
  };
}

function summarizeCell(data: BenchData, cell: Cell): CellSummary {
  const { mechanism, ...condition } = cell;
  const of = (kind: 'first-plug' | 'unplug' | 'replug' | 'idle-unplug') =>
    operationsOf(data, { kind, mechanism, condition });
  const unplugs = of('unplug');
  const instances = data.instances.filter((one) => matches(one.cell, condition));
  const own = instances.filter((one) => one.cell.mechanism === mechanism);
  const hotmem = operationsOf(data, { kind: 'unplug', mechanism: REFERENCE, condition });
  const maps = knownOf(unplugs.map(({ observers }) => observers?.map_bytes ?? null));
  return {
    cell,
    name: cellName(cell),
    unplugs: unplugs.length,
    unplugs_not_done: unplugs.filter(({ outcome }) => outcome !== 'done').length,
    accepted_ms: spreadOf(reached(unplugs, 'accepted_ms')),
    plugged_ms: spreadOf(reached(unplugs, 'plugged_ms')),
    resident_ms: spreadOf(reached(unplugs, 'resident_ms')),
    guest_ms: spreadOf(knownOf(unplugs.map((one) => one.guest_ms))),
    guest_cpu_ms: spreadOf(knownOf(unplugs.map((one) => one.guest_cpu_ms))),
    pages_migrated: spreadOf(knownOf(unplugs.map((one) => one.pages_migrated))),
    vmm_requests: spreadOf(knownOf(unplugs.map((one) => one.vmm_requests))),
    map_bytes_left: maps.length === 0 ? null : boundsOf(maps).high,
    host_kept_bytes: spreadOf(
      knownOf(unplugs.map(({ observers }) => observers?.host_resident_bytes ?? null)),
    ),
    first_plug_ms: spreadOf(reached(of('first-plug'), 'plugged_ms')),
    replug_ms: spreadOf(reached(of('replug'), 'plugged_ms')),
    idle_unplug_ms: spreadOf(reached(of('idle-unplug'), 'plugged_ms')),
    fault_ns: spreadOf(own.filter(({ phase }) => phase === 'refill').map((one) => one.fault_ns)),
    exit_ms: spreadOf(knownOf(own.map((one) => one.exit_ms))),
    times_hotmem: ratioOfMedians(
      reached(unplugs, 'plugged_ms'),
      reached(hotmem, 'plugged_ms'),
      data.manifest.plan.seed,
    ),
    hardware_estimate: estimateCell(data, cell),
  };
}

function summarizeFloor(data: BenchData): BenchSummary['floor'] {
  const sizes = [...new Set(data.floor.map(({ region_bytes }) => region_bytes))];
  return sizes
    .toSorted((a, b) => a - b)
    .flatMap((region_bytes) =>
      FLOOR_BACKINGS.map((backing) => ({
        backing,
        region_bytes,
        touched_bytes:
          data.floor.find((line) => line.region_bytes === region_bytes)?.touched_bytes ?? 0,
        discard_ms: spreadOf(floorOf(data, backing, region_bytes)),
      })),
    );
}

function summarizeNeighbour(data: BenchData): NeighbourSummary[] {
  const mechanisms = [...new Set(data.neighbour.map(({ cell }) => cell.mechanism))];
  const pairs = REQUEST_KINDS.flatMap((request) =>
    mechanisms.toSorted().map((mechanism) => ({ mechanism, request })),
  );
  return pairs.map(({ mechanism, request }) => {
    const quiet = neighbourLatencies(data, mechanism, request, 'quiet_ms');
    const sham = neighbourLatencies(data, mechanism, request, 'sham_ms');
    const busy = neighbourLatencies(data, mechanism, request, 'busy_ms');
    return {
      mechanism,
      request,
      quiet_n: quiet.length,
      sham_n: sham.length,
      busy_n: busy.length,
      quiet_p50_ms: percentileOf(quiet, 0.5),
      quiet_p99_ms: percentileOf(quiet, 0.99),
      sham_p50_ms: percentileOf(sham, 0.5),
      sham_p99_ms: percentileOf(sham, 0.99),
      busy_p50_ms: percentileOf(busy, 0.5),
      busy_p99_ms: percentileOf(busy, 0.99),
    };
  });
}

function summarizeCost(data: BenchData): BenchSummary['cost'] {
  const lines = new Map<string, CostLine>();
  for (const line of data.cost) {
    const { part, variant, metric, threads, region_bytes } = line;
    const key = [part, variant, metric, threads, region_bytes].join(' ');
    if (!lines.has(key)) lines.set(key, line);
  }
  return [...lines.values()].map(({ part, variant, metric, threads, region_bytes }) => ({
    part,
    variant,
    metric,
    threads,
    region_bytes,
    ns: spreadOf(costs(data, { part, variant, metric, threads, region_bytes })),
  }));
}
