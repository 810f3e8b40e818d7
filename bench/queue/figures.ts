/** What a run comes to. Pure. */
import { GIB } from '../../base/units.ts';
import { percentileOf, type Ratio, ratioOf, type Statistic } from '../statistics.ts';
import { NEIGHBOURS, type NeighbourName } from './plan.ts';
import type { QueueLine, QueueRun } from './records.ts';

const MS_PER_S = 1000;
const SEED = 1;

const mean: Statistic = (values) =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
const at =
  (share: number): Statistic =>
  (values) =>
    percentileOf(values, share);

/** Calls that met an unplug alone, over those that met a stretch of quiet time as long. */
export interface NeighbourFigures {
  readonly name: NeighbourName;
  readonly busy: number;
  /** Calls that met an unplug while memory was filled, too, and their mean over the same. */
  readonly mixed: number;
  readonly mixed_mean: Ratio | null;
  readonly control: number;
  readonly control_p50_ms: number | null;
  readonly mean: Ratio | null;
  readonly p50: Ratio | null;
  readonly p95: Ratio | null;
  /** Null also where there are too few for it. */
  readonly p99: Ratio | null;
}

/** An arm over all its rounds. */
export interface ArmFigures {
  readonly arm: string;
  readonly neighbours: readonly NeighbourFigures[];
  /** Of the means; null: one of the neighbours met nothing. */
  readonly worst_slowdown: number | null;
  /** Sum of what each neighbour's speed was of its own in quiet time: at best their number. */
  readonly weighted_speedup: number | null;
  readonly back_gib_per_s: number | null;
  /** Of that of the first arm. */
  readonly throughput: number | null;
  readonly cycles: number;
  readonly kept: number;
  readonly unplugs: number;
  readonly steps: number;
  readonly start_held_ms: number | null;
  readonly reclaim_held_ms: number | null;
  readonly failed: number;
  readonly reason: string | null;
}

export interface QueueSummary {
  readonly arms: readonly ArmFigures[];
}

export function summarizeQueue({ lines }: Pick<QueueRun, 'lines'>): QueueSummary {
  const names = [...new Set(lines.map(({ arm }) => arm))];
  const base = lines.filter(({ arm }) => arm === 'off');
  return { arms: names.map((arm) => armFigures(arm, lines, throughputOf(base))) };
}

function armFigures(arm: string, all: readonly QueueLine[], base: number | null): ArmFigures {
  const lines = all.filter((line) => line.arm === arm);
  const neighbours = NEIGHBOURS.map(({ name }) => neighbourFigures(name, lines));
  const slowdowns = neighbours.flatMap(({ mean: ratio }) => (ratio ? [ratio.ratio] : []));
  const is_whole = slowdowns.length === NEIGHBOURS.length;
  const back_gib_per_s = throughputOf(lines);
  return {
    arm,
    neighbours,
    worst_slowdown: is_whole ? Math.max(...slowdowns) : null,
    weighted_speedup: is_whole ? slowdowns.reduce((sum, one) => sum + 1 / one, 0) : null,
    back_gib_per_s,
    throughput: back_gib_per_s !== null && base ? back_gib_per_s / base : null,
    cycles: sumOf(lines, ({ cycles }) => cycles),
    kept: sumOf(lines, ({ kept }) => kept),
    unplugs: sumOf(lines, ({ unplugs }) => unplugs),
    steps: sumOf(lines, ({ steps }) => steps),
    start_held_ms: mostOf(lines, ({ start_held_ms }) => start_held_ms),
    reclaim_held_ms: mostOf(lines, ({ reclaim_held_ms }) => reclaim_held_ms),
    failed: sumOf(lines, ({ failed }) => failed),
    reason: lines.find(({ reason }) => reason !== null)?.reason ?? null,
  };
}

function neighbourFigures(name: NeighbourName, lines: readonly QueueLine[]): NeighbourFigures {
  const mine = lines.flatMap(({ neighbours }) => neighbours.filter((one) => one.name === name));
  const busy = mine.flatMap(({ busy_ms }) => busy_ms);
  const control = mine.flatMap(({ control_ms }) => control_ms);
  const mixed = mine.flatMap(({ mixed_ms }) => mixed_ms);
  const ratio = (statistic: Statistic): Ratio | null => ratioOf(statistic, busy, control, SEED);
  return {
    name,
    busy: busy.length,
    mixed: mixed.length,
    mixed_mean: ratioOf(mean, mixed, control, SEED),
    control: control.length,
    control_p50_ms: percentileOf(control, 0.5),
    mean: ratio(mean),
    p50: ratio(at(0.5)),
    p95: ratio(at(0.95)),
    p99: ratio(at(0.99)),
  };
}

function throughputOf(lines: readonly QueueLine[]): number | null {
  const back_ms = sumOf(lines, (line) => line.back_ms);
  const gib = sumOf(lines, (line) => line.back_bytes) / GIB;
  return back_ms > 0 ? (gib * MS_PER_S) / back_ms : null;
}

function sumOf(lines: readonly QueueLine[], pick: (line: QueueLine) => number): number {
  return lines.reduce((sum, line) => sum + pick(line), 0);
}

function mostOf(
  lines: readonly QueueLine[],
  pick: (line: QueueLine) => number | null,
): number | null {
  const known = lines.map(pick).filter((value) => value !== null);
  return known.length > 0 ? Math.max(...known) : null;
}
