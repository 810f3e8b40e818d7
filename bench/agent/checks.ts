/** What is promised of the agent's own cost, held against a run. Pure. */
import { MIB } from '../../base/units.ts';
import { atLeast, atMost, type Check } from '../check.ts';
import { OPERATIONS_PER_S } from './plan.ts';
import type { AgentBench, Row, VmsRun } from './records.ts';

/** A host of which others used more than this is busy: times measured there are no figures. */
export const BUSY_SHARE = 0.1;

const WARM_PER_S = 3_500;
const WARM_CPU_MS = 0.16;
const CYCLE_CPU_MS: Readonly<Record<number, number>> = { 8: 0.6, 192: 1 };
const ADDED_P99_MS = 1;
const BUSY_IN_FLIGHT = 16;
const LIVE_P99_MS = 50;
/** Of the operations that are wanted, so many must have been made. */
const LIVE_RATE_SHARE = 0.9;
/** Nobody notices that: neither a status nor a scrape may hold up a call for longer. */
const BLOCKED_MS = 20;
const SCRAPE_MS = 50;
/** Of an agent with very many VMs. */
const VMS_RSS_MIB = 300;
const VMS_IDLE_PERCENT = 5;
/** What a VM has an agent keep, of the second half, to one of the first; it varies by a 50th. */
const VMS_GROWTH = 1.1;

export function checksOf(rows: readonly Row[], bench: AgentBench): Check[] {
  const of_calls = rows.flatMap((row) => {
    const { kind, regions, in_flight } = row.cell;
    const n = `${row.rounds} rounds of ${bench.options.cell_ms} ms`;
    if (kind === 'warm' && in_flight === BUSY_IN_FLIGHT) return warmChecks(row, n);
    if (kind === 'added') return [addedCheck(row, n)];
    if (kind !== 'cycle' || in_flight !== 1) return [];
    const target = CYCLE_CPU_MS[regions];
    if (target === undefined) return [];
    const title = `CPU of a plug with its unplug, ${regions} regions`;
    const measured = row.cpu_ms_each.median;
    return [atMost(`cycle_cpu_${regions}`, title, { target, unit: 'ms', measured, detail: n })];
  });
  return [...of_calls, ...liveChecks(bench), ...scaleChecks(bench), ...vmsChecks(bench.vms)];
}

function liveChecks({ live }: AgentBench): Check[] {
  if (!live) return [];
  const { operations_per_s, latency, dropped } = live;
  const made = `${latency.n} operations, ${Math.round(operations_per_s)} a second`;
  const is_enough = operations_per_s >= LIVE_RATE_SHARE * OPERATIONS_PER_S;
  const judged = unlessBusy(live, latency.p99_ms, made);
  const but: string[] = [];
  if (!is_enough) but.push(`this host makes fewer than the ${OPERATIONS_PER_S} that are promised`);
  if (dropped > 0) but.push(`${dropped} were not told`);
  if (but.length > 0 || judged.measured === null) but.push(`p99 was ${fixed(latency.p99_ms)} ms`);
  return [
    atMost('live_p99', 'until a reader of the live state hears of an operation, at p99', {
      target: LIVE_P99_MS,
      unit: 'ms',
      measured: is_enough && dropped === 0 ? judged.measured : null,
      detail: [judged.detail, ...but].join('; '),
    }),
  ];
}

const fixed = (ms: number | null): string => (ms === null ? 'unknown' : ms.toFixed(1));

function scaleChecks({ scale }: AgentBench): Check[] {
  if (!scale) return [];
  const { functions, regions, blocked_ms, scrape } = scale;
  const detail = `${functions} functions of ${regions} regions`;
  const scrapes = `${detail}; of ${scrape.n}, the first took ${fixed(scrape.first_ms)} ms`;
  return [
    atMost('status_blocked', 'the loop stands still during a status, at most', {
      target: BLOCKED_MS,
      unit: 'ms',
      ...unlessBusy(scale, blocked_ms, detail),
    }),
    atMost('scrape', 'one scrape of the metrics, the median', {
      target: SCRAPE_MS,
      unit: 'ms',
      ...unlessBusy(scrape, scrape.ms, scrapes),
    }),
    atMost('scrape_blocked', 'the loop stands still during a scrape, at most', {
      target: BLOCKED_MS,
      unit: 'ms',
      ...unlessBusy(scrape, scrape.blocked_ms, scrapes),
    }),
  ];
}

function vmsChecks(runs: readonly VmsRun[]): Check[] {
  const last = runs.at(-1);
  if (!last) return [];
  const { vms, regions, rss_bytes, idle } = last;
  const where = `${vms} VMs of ${regions} regions`;
  const steps = runs.map((run) => `${run.vms}: ${Math.round(run.rss_bytes / MIB)} MiB`);
  const kept = runs.map((run) => `${run.vms}: ${(run.kept_bytes / MIB).toFixed(1)} MiB`);
  return [
    atMost('vms_rss', `resident, ${where}`, {
      target: VMS_RSS_MIB,
      unit: 'MiB',
      measured: rss_bytes / MIB,
      detail: steps.join(', '),
    }),
    atMost('vms_idle', `of a core when idle, ${where}`, {
      target: VMS_IDLE_PERCENT,
      unit: '%',
      measured: (100 * idle.cpu_ms) / idle.wall_ms,
      detail: `${Math.round(idle.wall_ms)} ms`,
    }),
    atMost('vms_growth', `a VM beyond half of ${vms}, to one before`, {
      target: VMS_GROWTH,
      unit: 'times',
      measured: growthOf(runs),
      detail: `kept on its heap: ${kept.join(', ')}`,
    }),
  ];
}

/** What each VM that came in between has the agent keep. */
function eachBytes(from: VmsRun, to: VmsRun): number {
  return (to.kept_bytes - from.kept_bytes) / (to.vms - from.vms);
}

/**
 * Of what is kept: how much is resident depends on when garbage was collected last. Null where too
 * few steps were measured, or the first of them took nothing.
 */
function growthOf(runs: readonly VmsRun[]): number | null {
  const [first, middle, last] = [runs[0], runs[Math.floor((runs.length - 1) / 2)], runs.at(-1)];
  if (!first || !middle || !last || middle === first || middle === last) return null;
  const before = eachBytes(first, middle);
  return before <= 0 ? null : eachBytes(middle, last) / before;
}

function warmChecks(row: Row, n: string): Check[] {
  const { regions } = row.cell;
  const where = `${regions} regions, ${BUSY_IN_FLIGHT} calls open`;
  return [
    atLeast(`warm_rate_${regions}`, `warm calls a second, ${where}`, {
      target: WARM_PER_S,
      unit: '1/s',
      ...unlessBusy(row, row.per_s.median, n),
    }),
    atMost(`warm_cpu_${regions}`, `CPU of a warm call, ${where}`, {
      target: WARM_CPU_MS,
      unit: 'ms',
      measured: row.cpu_ms_each.median,
      detail: n,
    }),
  ];
}

function addedCheck(row: Row, n: string): Check {
  return atMost('added_p99', 'added to a bare gRPC call, at p99', {
    target: ADDED_P99_MS,
    unit: 'ms',
    ...unlessBusy(row, row.added_p99_ms, n),
  });
}

interface Judged {
  readonly measured: number | null;
  readonly detail: string;
}

/** CPU time is the agent's own on a busy host too; wall time is not. */
function unlessBusy(row: Pick<Row, 'others_share'>, measured: number | null, n: string): Judged {
  const share = row.others_share;
  if (share === null || share <= BUSY_SHARE) return { measured, detail: n };
  const detail = `${n}; not judged: others used ${Math.round(share * 100)} % of the host's CPU`;
  return { measured: null, detail };
}
