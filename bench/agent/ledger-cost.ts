/**
 * What the ledger costs the agent: two agents, one with it and one without, called in turn, every
 * second round the other way round. A ratio is of two cells that lie side by side.
 */
import type { Progress } from '../../base/progress.ts';
import { boundsOf } from '../../base/number-list.ts';
import { median } from '../../base/statistics.ts';
import { atMost, type Check, shown, verdictText } from '../check.ts';
import { BUSY_SHARE } from './checks.ts';
import { agentBenchInterrupted } from './errors.ts';
import { measureCell } from './measure.ts';
import { type AgentCell, functionOf } from './plan.ts';
import type { CellRun, Spread3 } from './records.ts';
import { AgentStage } from './stage.ts';

const REGIONS = 8;
const WARM_UP_SHARE = 2;
const PER_CENT = 100;
const US_PER_MS = 1_000;

/** Of CPU time and of p99; and what ALASTOR (USENIX Security 2022), which audits calls, costs. */
const COST_PERCENT = 2;
export const ALASTOR_PERCENT = 13.74;

const CELLS: readonly AgentCell[] = [
  { name: 'warm call', kind: 'warm', regions: REGIONS, in_flight: 1 },
  { name: 'warm call', kind: 'warm', regions: REGIONS, in_flight: 16 },
  { name: 'plug + unplug', kind: 'cycle', regions: REGIONS, in_flight: 4 },
];

/** One cell of one round, measured twice. */
export interface LedgerPair {
  readonly off: CellRun;
  readonly on: CellRun;
}

/** A cell over all rounds; what is more than without a ledger, in percent of that. */
export interface LedgerRow {
  readonly cell: AgentCell;
  readonly rounds: number;
  readonly cpu_percent: Spread3;
  /** CPU time of a call, or of a plug with its unplug, beyond that without a ledger. */
  readonly cpu_us_each: Spread3;
  /** Null: a cell of one of the rounds had too few calls. */
  readonly p99_percent: Spread3 | null;
  readonly others_share: number | null;
}

export interface LedgerCostRun {
  readonly rounds: number;
  readonly cell_ms: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Throws HP_BENCH_AGENT, HP_BENCH_INTERRUPTED; nothing it started is left in any case. */
export async function measureLedgerCost(input: LedgerCostRun): Promise<LedgerPair[]> {
  const stages: AgentStage[] = [];
  try {
    for (const with_ledger of [false, true]) stages.push(await AgentStage.open(with_ledger));
    const [off, on] = stages;
    return off && on ? await measureAll(off, on, input) : [];
  } catch (error) {
    throw input.signal.aborted ? agentBenchInterrupted() : error;
  } finally {
    for (const stage of stages) await stage.close();
  }
}

async function measureAll(
  off: AgentStage,
  on: AgentStage,
  { rounds, cell_ms, progress, signal }: LedgerCostRun,
): Promise<LedgerPair[]> {
  for (const stage of [off, on]) {
    for (const kind of ['warm', 'cycle'] as const) {
      const name = functionOf({ name: kind, kind, regions: REGIONS, in_flight: 1 });
      await stage.deploy(name, REGIONS, kind === 'warm');
    }
  }
  const measure = async (stage: AgentStage, cell: AgentCell, for_ms: number): Promise<CellRun> => {
    signal.throwIfAborted();
    return await measureCell(stage, cell, for_ms, signal);
  };
  const pairs: LedgerPair[] = [];
  for (const [index, cell] of CELLS.entries()) {
    for (const stage of [off, on]) await measure(stage, cell, cell_ms / WARM_UP_SHARE);
    for (let round = 0; round < rounds; round += 1) {
      const step = index * rounds + round + 1;
      progress.step(step, CELLS.length * rounds, `${cell.name}, ${cell.in_flight} open`);
      // Whatever drifts meanwhile falls on both alike.
      const first = await measure(round % 2 === 0 ? off : on, cell, cell_ms);
      const second = await measure(round % 2 === 0 ? on : off, cell, cell_ms);
      pairs.push(round % 2 === 0 ? { off: first, on: second } : { off: second, on: first });
    }
  }
  progress.done(`measured ${pairs.length} times with a ledger and without`);
  return pairs;
}

/** Pure. */
export function ledgerRowsOf(pairs: readonly LedgerPair[]): LedgerRow[] {
  return CELLS.flatMap((cell) => {
    const own = pairs.filter(
      ({ off }) => off.cell.kind === cell.kind && off.cell.in_flight === cell.in_flight,
    );
    const known = own.filter(({ off, on }) => worked(off) > 0 && worked(on) > 0);
    const cpu_percent = spread(known.map(({ off, on }) => more(eachMs(on), eachMs(off))));
    const cpu_us_each = spread(known.map(({ off, on }) => (eachMs(on) - eachMs(off)) * US_PER_MS));
    if (!cpu_percent || !cpu_us_each) return [];
    const p99 = own.flatMap(({ off: { latency: without }, on: { latency } }) =>
      latency.p99_ms === null || without.p99_ms === null
        ? []
        : [more(latency.p99_ms, without.p99_ms)],
    );
    const shares = own.flatMap(({ off, on }) =>
      [off.others_share ?? [], on.others_share ?? []].flat(),
    );
    return {
      cell,
      rounds: own.length,
      cpu_percent,
      cpu_us_each,
      p99_percent: p99.length < own.length ? null : spread(p99),
      others_share: shares.length === 0 ? null : boundsOf(shares).high,
    };
  });
}

const worked = (run: CellRun): number => (run.cell.kind === 'cycle' ? run.cycles : run.calls);
const eachMs = (run: CellRun): number => run.cpu_ms / worked(run);
const more = (value: number, than: number): number => (value / than - 1) * PER_CENT;

function spread(values: readonly number[]): Spread3 | null {
  const middle = median(values);
  if (middle === null) return null;
  const { low, high } = boundsOf(values);
  return { median: middle, min: low, max: high };
}

/** Medians of the rounds; p99 is wall time, and not judged where others used the host. Pure. */
export function ledgerChecksOf(rows: readonly LedgerRow[], cell_ms: number): Check[] {
  return rows.flatMap((row) => {
    const { kind, in_flight } = row.cell;
    const detail = `${row.rounds} rounds of ${cell_ms} ms`;
    const share = row.others_share ?? 0;
    const others = `; not judged: others used ${Math.round(share * PER_CENT)} % of the host's CPU`;
    const p99 = row.p99_percent?.median ?? null;
    const target = { target: COST_PERCENT, unit: '%' };
    const name = `${kind}_${in_flight}`;
    const what = `${row.cell.name}, ${in_flight} open, with a ledger:`;
    return [
      atMost(`ledger_cpu_${name}`, `${what} more CPU`, {
        ...target,
        measured: row.cpu_percent.median,
        detail,
      }),
      atMost(`ledger_p99_${name}`, `${what} longer at p99`, {
        ...target,
        ...(share > BUSY_SHARE
          ? { measured: null, detail: detail + others }
          : { measured: p99, detail }),
      }),
    ];
  });
}

const range = ({ median: middle, min, max }: Spread3, unit: string): string =>
  `${shown(middle)} ${unit} [${shown(min)} to ${shown(max)}]`;

/** Pure. */
export function ledgerCostText(rows: readonly LedgerRow[], checks: readonly Check[]): string {
  const lines = [
    ...rows.map((row) => {
      const p99 = row.p99_percent ? range(row.p99_percent, '%') : 'too few calls';
      const others =
        row.others_share === null ? '-' : `${Math.round(row.others_share * PER_CENT)} %`;
      return (
        `${row.cell.name}, ${row.cell.in_flight} open: CPU ${range(row.cpu_percent, '%')}, ` +
        `${range(row.cpu_us_each, 'us')} each; p99 ${p99}; others at most ${others}`
      );
    }),
    '',
    ...checks.map((check) => {
      const figure = check.measured === null ? '-' : `${shown(check.measured)} ${check.unit}`;
      const target = `${check.comparison} ${check.target} ${check.unit}`;
      return `${check.title} ${target}: ${figure}, ${verdictText(check)} (${check.detail})`;
    }),
    '',
    `Medians of rounds, in percent of what it takes without. ALASTOR, which audits functions by`,
    `their system calls, costs ${ALASTOR_PERCENT} % (published, another host and another load).`,
  ];
  return `${lines.join('\n')}\n`;
}
