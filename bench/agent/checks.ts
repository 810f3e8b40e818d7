/** What is promised of the agent's own cost, held against a run. Pure. */
import { atLeast, atMost, type Check } from '../check.ts';
import type { AgentBench, Row } from './records.ts';

/** A host of which others used more than this is busy: times measured there are no figures. */
export const BUSY_SHARE = 0.1;

const WARM_PER_S = 3_500;
const WARM_CPU_MS = 0.16;
const CYCLE_CPU_MS: Readonly<Record<number, number>> = { 8: 0.6, 192: 1 };
const ADDED_P99_MS = 1;
const BUSY_IN_FLIGHT = 16;

export function checksOf(rows: readonly Row[], bench: AgentBench): Check[] {
  return rows.flatMap((row) => {
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
function unlessBusy(row: Row, measured: number | null, n: string): Judged {
  const share = row.others_share;
  if (share === null || share <= BUSY_SHARE) return { measured, detail: n };
  const detail = `${n}; not judged: others used ${Math.round(share * 100)} % of the host's CPU`;
  return { measured: null, detail };
}
