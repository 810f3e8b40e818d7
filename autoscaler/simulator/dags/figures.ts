/** What calls of DAGs came to, played in one way. Pure. */
import { GIB } from '../../../base/units.ts';
import { NOTHING_SPENT, type Spent, sumSpent } from '../../../agent/dag/spent.ts';
import { type ConfidenceInterval, wilson } from '../../results/intervals.ts';
import type { DagTrace } from '../../trace/dags/dag-trace.ts';
import { plannedCall } from '../../trace/dags/planned-call.ts';
import type { PlayedDags } from './player.ts';

/** At most so many times the deadline; a plot is made of them. */
const RATIOS = Array.from({ length: 81 }, (_, at) => at / 40);

/** What of a deadline its parts took; 1 is all of it. What is left to 1 was not needed. */
export interface DeadlineParts {
  readonly wait: number;
  readonly permit: number;
  readonly plug: number;
  readonly start: number;
  readonly run: number;
}

export interface DagFigures {
  readonly name: string;
  readonly simulated: true;
  readonly calls: number;
  readonly met: number;
  readonly missed: number;
  /** A stage of it was refused. */
  readonly failed: number;
  readonly met_share: ConfidenceInterval;
  /** Stages that waited for an instance to start. */
  readonly cold_stages: number;
  readonly instance_starts: number;
  /** Of those that missed, on average along the way that took longest (ms); null: none did. */
  readonly missed_spent: Spent | null;
  /** Where the deadline went, in parts of it, on average along the way that took longest. */
  readonly slack: { readonly met: DeadlineParts | null; readonly missed: DeadlineParts | null };
  /** Shares of the calls that were over within so many times their deadline. */
  readonly within: readonly { readonly ratio: number; readonly share: number }[];
  readonly committed_gib_s: number;
  readonly peak_committed_bytes: number;
}

/** Within the window alone, warm-up left out. */
export function dagFigures(
  name: string,
  { dags, calls }: DagTrace,
  played: PlayedDags,
  warm_up_ms: number,
): DagFigures {
  const ratios: number[] = [];
  let [count, met, failed, cold_stages] = [0, 0, 0, 0];
  let missed_spent = NOTHING_SPENT;
  const slack = { met: new MeanParts(), missed: new MeanParts() };
  for (const [at, { dag, took_ms, spent, cold_stages: cold }] of played.calls.entries()) {
    if ((calls[at]?.at_ms ?? 0) < warm_up_ms) continue;
    const deadline_ms = dags[dag]?.deadline_ms ?? 1;
    count += 1;
    cold_stages += cold;
    if (took_ms === null) {
      failed += 1;
      continue;
    }
    ratios.push(took_ms / deadline_ms);
    const is_met = took_ms <= deadline_ms;
    slack[is_met ? 'met' : 'missed'].add(spent, deadline_ms);
    if (is_met) met += 1;
    else missed_spent = sumSpent(missed_spent, spent);
  }
  const missed = count - met - failed;
  const parts = played.committed.finish();
  return {
    name,
    simulated: true,
    calls: count,
    met,
    missed,
    failed,
    met_share: wilson(met, count),
    cold_stages,
    instance_starts: played.starts,
    missed_spent: missed === 0 ? null : dividedBy(missed_spent, missed),
    slack: { met: slack.met.mean(), missed: slack.missed.mean() },
    within: sharesWithin(ratios, count),
    committed_gib_s: parts.reduce((sum, part) => sum + part, 0),
    peak_committed_bytes: played.committed.peak_bytes,
  };
}

class MeanParts {
  #sum: DeadlineParts = { wait: 0, permit: 0, plug: 0, start: 0, run: 0 };
  #count = 0;

  add({ wait_ms, permit_ms, plug_ms, start_ms, run_ms }: Spent, deadline_ms: number): void {
    const { wait, permit, plug, start, run } = this.#sum;
    this.#sum = {
      wait: wait + wait_ms / deadline_ms,
      permit: permit + permit_ms / deadline_ms,
      plug: plug + plug_ms / deadline_ms,
      start: start + start_ms / deadline_ms,
      run: run + run_ms / deadline_ms,
    };
    this.#count += 1;
  }

  /** Null: there was none. */
  mean(): DeadlineParts | null {
    const count = this.#count;
    if (count === 0) return null;
    const { wait, permit, plug, start, run } = this.#sum;
    return {
      wait: wait / count,
      permit: permit / count,
      plug: plug / count,
      start: start / count,
      run: run / count,
    };
  }
}

function sharesWithin(ratios: readonly number[], count: number): DagFigures['within'] {
  const sorted = ratios.toSorted((a, b) => a - b);
  let seen = 0;
  return RATIOS.map((ratio) => {
    while (seen < sorted.length && (sorted[seen] ?? 0) <= ratio) seen += 1;
    return { ratio, share: count === 0 ? 0 : seen / count };
  });
}

function dividedBy(spent: Spent, count: number): Spent {
  const { wait_ms, permit_ms, plug_ms, start_ms, run_ms } = spent;
  return {
    wait_ms: wait_ms / count,
    permit_ms: permit_ms / count,
    plug_ms: plug_ms / count,
    start_ms: start_ms / count,
    run_ms: run_ms / count,
  };
}

/** Calls that would miss if nothing ever waited: their own stages take too long. */
export function hopelessCalls({ dags, calls }: DagTrace, warm_up_ms: number): number {
  let count = 0;
  for (const call of calls) {
    const dag = dags[call.dag];
    if (!dag || call.at_ms < warm_up_ms) continue;
    if (plannedCall(dag, call).path_ms > dag.deadline_ms) count += 1;
  }
  return count;
}

/** Memory of what runs, and of nothing else: what no way of serving goes below (GiB s). */
export function busyGibS({ dags, calls, functions }: DagTrace): number {
  const bytes = new Map(functions.map(({ name, memory_bytes }) => [name, memory_bytes]));
  let byte_ms = 0;
  for (const { dag, run_ms } of calls) {
    for (const [at, stage] of (dags[dag]?.stages ?? []).entries()) {
      byte_ms += (run_ms[at] ?? 0) * (bytes.get(stage.function) ?? 0);
    }
  }
  return byte_ms / GIB / 1000;
}
