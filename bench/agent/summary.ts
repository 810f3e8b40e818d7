/** Rounds of a cell made into one row: medians, with the least and the most. Pure. */
import { boundsOf } from '../../base/number-list.ts';
import { median } from '../../base/statistics.ts';
import type { AgentCell } from './plan.ts';
import type { CellRun, Row, Spread3 } from './records.ts';

/** In the order in which the cells first ran. */
export function rowsOf(runs: readonly CellRun[]): Row[] {
  const groups = new Map<string, CellRun[]>();
  for (const run of runs) {
    const group = groups.get(keyOf(run.cell));
    if (group) group.push(run);
    else groups.set(keyOf(run.cell), [run]);
  }
  return [...groups.values()].flatMap((group) => rowOf(group) ?? []);
}

function rowOf(runs: readonly CellRun[]): Row | null {
  const [first] = runs;
  const per_s = spread(runs.map((run) => (worked(run) * 1_000) / run.wall_ms));
  const each = runs.filter((run) => worked(run) > 0).map((run) => run.cpu_ms / worked(run));
  const cpu_ms_each = spread(each);
  if (!first || !per_s || !cpu_ms_each) return null;
  const added = (at: 'p50_ms' | 'p99_ms'): number | null =>
    medianOf(runs.map(({ latency, floor_latency }) => minus(latency[at], floor_latency?.[at])));
  return {
    cell: first.cell,
    rounds: runs.length,
    per_s,
    cpu_ms_each,
    p50_ms: medianOf(runs.map(({ latency }) => latency.p50_ms)) ?? 0,
    p99_ms: medianOf(runs.map(({ latency }) => latency.p99_ms)),
    added_p50_ms: added('p50_ms'),
    added_p99_ms: added('p99_ms'),
    lag_p99_ms: medianOf(runs.map(({ lag }) => lag.p99_ms)),
    lag_max_ms: most(runs.map(({ lag }) => lag.max_ms)) ?? 0,
    rss_bytes: most(runs.map(({ rss_bytes }) => rss_bytes)) ?? 0,
    others_share: most(runs.flatMap(({ others_share }) => others_share ?? [])),
  };
}

/** What is counted: a call, or a plug with its unplug. */
function worked(run: CellRun): number {
  return run.cell.kind === 'cycle' ? run.cycles : run.calls;
}

function keyOf({ kind, regions, in_flight }: AgentCell): string {
  return `${kind} ${regions} ${in_flight}`;
}

/** Null when one of the values is: the figure of fewer rounds would look like that of all. */
function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length ? null : median(known);
}

function minus(value: number | null, floor: number | null | undefined): number | null {
  return value === null || floor === null || floor === undefined ? null : value - floor;
}

function most(values: readonly number[]): number | null {
  return values.length === 0 ? null : boundsOf(values).high;
}

function spread(values: readonly number[]): Spread3 | null {
  const middle = median(values);
  const { low, high } = boundsOf(values);
  return middle === null ? null : { median: middle, min: low, max: high };
}
