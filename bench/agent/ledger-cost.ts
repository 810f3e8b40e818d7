/**
 * What the ledger costs the agent: two agents, one with it and one without, called in turn for a
 * short while each, every second time the other way round. A ratio is of two such whiles that lie
 * side by side, so that what else a host does falls on both; what is told is the median of many,
 * with the interval in which it lies.
 */
import type { Progress } from '../../base/progress.ts';
import { boundsOf } from '../../base/number-list.ts';
import { atMost, type Check, shown, verdictText } from '../check.ts';
import { type MedianInterval, medianInterval, percentileOf } from '../statistics.ts';
import { BUSY_SHARE } from './checks.ts';
import { agentBenchInterrupted } from './errors.ts';
import { measureTimed, type TimedRun } from './measure.ts';
import { type AgentCell, functionOf } from './plan.ts';
import type { CellRun } from './records.ts';
import { AgentStage } from './stage.ts';

const REGIONS = 8;
/** Before a cell is measured; no longer than so many times its duration. */
const WARM_UP_CALLS = 3_000;
const WARM_UP_TURNS = 8;
/** Of a round: a cell is measured so often with a ledger and without, in turn. */
const SLICES = 4;
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

/** A cell for a short while, with and without. */
export interface LedgerPair {
  readonly off: CellRun;
  readonly on: CellRun;
}

/** A cell of one round: its pairs, and what all of their calls together took. */
export interface LedgerRound {
  readonly cell: AgentCell;
  readonly pairs: readonly LedgerPair[];
  /** Null: too few calls. */
  readonly off_p99_ms: number | null;
  readonly on_p99_ms: number | null;
  /** Written by the agent with a ledger; null: it did not tell. */
  readonly records: number | null;
}

/** A cell over all rounds; what is more than without a ledger, in percent of that. */
export interface LedgerRow {
  readonly cell: AgentCell;
  readonly rounds: number;
  readonly cpu_percent: MedianInterval;
  /** CPU time of a call, or of a plug with its unplug, beyond that without a ledger. */
  readonly cpu_us_each: MedianInterval;
  /** The same without a ledger. */
  readonly off_us_each: MedianInterval;
  /** Null: a cell of one of the rounds had too few calls. */
  readonly p99_percent: MedianInterval | null;
  /** Records of a call, or of a plug with its unplug; null: not known. */
  readonly records_each: number | null;
  readonly others_share: number | null;
}

export interface LedgerCostRun {
  readonly rounds: number;
  readonly cell_ms: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Throws HP_BENCH_AGENT, HP_BENCH_INTERRUPTED; nothing it started is left in any case. */
export async function measureLedgerCost(input: LedgerCostRun): Promise<LedgerRound[]> {
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
): Promise<LedgerRound[]> {
  for (const stage of [off, on]) {
    for (const kind of ['warm', 'cycle'] as const) {
      const name = functionOf({ name: kind, kind, regions: REGIONS, in_flight: 1 });
      await stage.deploy(name, REGIONS, kind === 'warm');
    }
  }
  const measured: LedgerRound[] = [];
  for (const [index, cell] of CELLS.entries()) {
    for (const stage of [off, on]) await warmUp(stage, cell, { cell_ms, signal });
    for (let round = 0; round < rounds; round += 1) {
      const step = index * rounds + round + 1;
      progress.step(step, CELLS.length * rounds, `${cell.name}, ${cell.in_flight} open`);
      measured.push(await measureRound(off, on, cell, { cell_ms, signal }));
    }
  }
  progress.done(`measured ${measured.length * SLICES} times with a ledger and without`);
  return measured;
}

/**
 * Until the engine has compiled what is called, which takes calls and no time: a busy host would
 * else be told what the first calls of an agent cost.
 */
async function warmUp(
  stage: AgentStage,
  cell: AgentCell,
  { cell_ms, signal }: Pick<LedgerCostRun, 'cell_ms' | 'signal'>,
): Promise<void> {
  let done = 0;
  for (let turn = 0; turn < WARM_UP_TURNS && done < WARM_UP_CALLS; turn += 1) {
    signal.throwIfAborted();
    done += worked((await measureTimed(stage, cell, cell_ms, signal)).run);
  }
}

async function measureRound(
  off: AgentStage,
  on: AgentStage,
  cell: AgentCell,
  { cell_ms, signal }: Pick<LedgerCostRun, 'cell_ms' | 'signal'>,
): Promise<LedgerRound> {
  const before = await recordsOf(on);
  const pairs: LedgerPair[] = [];
  const latencies = { off: [] as number[], on: [] as number[] };
  for (let slice = 0; slice < SLICES; slice += 1) {
    const measure = async (stage: AgentStage): Promise<TimedRun> => {
      signal.throwIfAborted();
      return await measureTimed(stage, cell, cell_ms / SLICES, signal);
    };
    // Whatever drifts meanwhile falls on both alike.
    const is_off_first = slice % 2 === 0;
    const first = await measure(is_off_first ? off : on);
    const second = await measure(is_off_first ? on : off);
    const [without, with_ledger] = is_off_first ? [first, second] : [second, first];
    pairs.push({ off: without.run, on: with_ledger.run });
    latencies.off.push(...without.latencies);
    latencies.on.push(...with_ledger.latencies);
  }
  const after = await recordsOf(on);
  return {
    cell,
    pairs,
    off_p99_ms: percentileOf(latencies.off, 0.99),
    on_p99_ms: percentileOf(latencies.on, 0.99),
    records: after === null || before === null ? null : after - before,
  };
}

async function recordsOf(stage: AgentStage): Promise<number | null> {
  return (await stage.client.status()).ledger?.seq ?? null;
}

/** Pure. */
export function ledgerRowsOf(rounds: readonly LedgerRound[]): LedgerRow[] {
  return CELLS.flatMap((cell) => {
    const own = rounds.filter(
      (round) => round.cell.kind === cell.kind && round.cell.in_flight === cell.in_flight,
    );
    const pairs = own.flatMap((round) => round.pairs);
    const known = pairs.filter(({ off, on }) => worked(off) > 0 && worked(on) > 0);
    const interval = (of: (pair: LedgerPair) => number) => medianInterval(known.map(of));
    const cpu_percent = interval(({ off, on }) => more(eachMs(on), eachMs(off)));
    const cpu_us_each = interval(({ off, on }) => (eachMs(on) - eachMs(off)) * US_PER_MS);
    const off_us_each = interval(({ off }) => eachMs(off) * US_PER_MS);
    if (!cpu_percent || !cpu_us_each || !off_us_each) return [];
    const p99 = own.flatMap(({ off_p99_ms, on_p99_ms }) =>
      off_p99_ms === null || on_p99_ms === null ? [] : [more(on_p99_ms, off_p99_ms)],
    );
    const shares = pairs.flatMap(({ off, on }) =>
      [off.others_share ?? [], on.others_share ?? []].flat(),
    );
    return {
      cell,
      rounds: own.length,
      cpu_percent,
      cpu_us_each,
      off_us_each,
      p99_percent: p99.length < own.length ? null : medianInterval(p99),
      records_each: recordsEach(own),
      others_share: shares.length === 0 ? null : boundsOf(shares).high,
    };
  });
}

function recordsEach(rounds: readonly LedgerRound[]): number | null {
  let records = 0;
  let done = 0;
  for (const round of rounds) {
    if (round.records === null) return null;
    records += round.records;
    for (const { on } of round.pairs) done += worked(on);
  }
  return done === 0 ? null : records / done;
}

const worked = (run: CellRun): number => (run.cell.kind === 'cycle' ? run.cycles : run.calls);
const eachMs = (run: CellRun): number => run.cpu_ms / worked(run);
const more = (value: number, than: number): number => (value / than - 1) * PER_CENT;

/** Judged where all of the interval is on one side of the target. */
function figureOf(found: MedianInterval | null, detail: string) {
  const target = { target: COST_PERCENT, unit: '%' };
  if (!found) return { ...target, measured: null, detail: `${detail}; too few calls` };
  const { low, high } = found;
  const is_judged = high <= COST_PERCENT || low > COST_PERCENT;
  const where = `${shown(low)} to ${shown(high)} %`;
  const told = `${detail}, ${where}${is_judged ? '' : ': the target lies within'}`;
  return { ...target, measured: is_judged ? found.median : null, detail: told };
}

/** p99 is wall time, and not judged where others used the host. Pure. */
export function ledgerChecksOf(rows: readonly LedgerRow[], cell_ms: number): Check[] {
  return rows.flatMap((row) => {
    const { kind, in_flight } = row.cell;
    const detail = `${row.rounds} rounds of ${cell_ms} ms, ${row.cpu_percent.n} pairs`;
    const share = row.others_share ?? 0;
    const others = `; not judged: others used ${Math.round(share * PER_CENT)} % of the host's CPU`;
    const name = `${kind}_${in_flight}`;
    const what = `${row.cell.name}, ${row.cell.in_flight} open, with a ledger:`;
    const p99 = figureOf(row.p99_percent, detail);
    return [
      atMost(`ledger_cpu_${name}`, `${what} more CPU`, figureOf(row.cpu_percent, detail)),
      atMost(`ledger_p99_${name}`, `${what} longer at p99`, {
        ...p99,
        ...(share > BUSY_SHARE ? { measured: null, detail: detail + others } : {}),
      }),
    ];
  });
}

const range = ({ median: middle, low, high }: MedianInterval, unit: string): string =>
  `${shown(middle)} ${unit} [${shown(low)} to ${shown(high)}]`;

/** Pure. */
export function ledgerCostText(rows: readonly LedgerRow[], checks: readonly Check[]): string {
  const lines = [
    ...rows.map((row) => {
      const p99 = row.p99_percent ? range(row.p99_percent, '%') : 'too few calls';
      const others =
        row.others_share === null ? '-' : `${Math.round(row.others_share * PER_CENT)} %`;
      return (
        `${row.cell.name}, ${row.cell.in_flight} open: CPU ${range(row.cpu_percent, '%')}, ` +
        `${range(row.cpu_us_each, 'us')} each beyond ${shown(row.off_us_each.median)} us, ` +
        `${shown(row.records_each)} records; p99 ${p99}; others at most ${others}`
      );
    }),
    '',
    ...checks.map((check) => {
      const figure = check.measured === null ? '-' : `${shown(check.measured)} ${check.unit}`;
      const target = `${check.comparison} ${check.target} ${check.unit}`;
      return `${check.title} ${target}: ${figure}, ${verdictText(check)} (${check.detail})`;
    }),
    '',
    `Medians of pairs, in percent of what it takes without, and where they lie (95 %; from the`,
    `least to the most where there are few). ALASTOR, which audits functions by their system`,
    `calls, costs ${ALASTOR_PERCENT} % (published, another host and another load).`,
  ];
  return `${lines.join('\n')}\n`;
}
