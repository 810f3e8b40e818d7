/**
 * The rounds of a replay together: of each figure its spread, its mean, and its ratio to the
 * baseline of the same round. A round in which a mechanism was disturbed or not complete counts for
 * none of its figures, and is named. Pure.
 */
import { boundsOf } from '../../base/number-list.ts';
import { median, rounded } from '../../base/statistics.ts';
import {
  type ConfidenceInterval,
  geometricMeanInterval,
  meanInterval,
} from '../results/intervals.ts';
import type { ReasonCode } from './comparability.ts';
import type { MechanismSummary, Summary } from './summary.ts';

export const ROUNDS_VERSION = 1;

/** One round as its folder tells it. */
export interface Round {
  /** From 1. */
  readonly round: number;
  readonly started_at: string;
  readonly summary: Summary;
}

export interface FigureOverRounds {
  readonly name: FigureName;
  /** Rounds that tell it. */
  readonly n: number;
  readonly median: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** With 95 %, after Student; null of fewer than two rounds. */
  readonly mean: ConfidenceInterval | null;
  /**
   * Own / baseline of the same round, the geometric mean over the rounds, with 95 % after Student;
   * null of the baseline, of fewer than two rounds, and where one of both was nothing.
   */
  readonly against_baseline: ConfidenceInterval | null;
}

export interface MechanismOverRounds {
  readonly mechanism: string;
  /** Rounds whose figures count. */
  readonly rounds_counted: number;
  readonly left_out: readonly { readonly round: number; readonly reasons: readonly ReasonCode[] }[];
  readonly figures: readonly FigureOverRounds[];
}

export interface RoundsSummary {
  readonly schema_version: typeof ROUNDS_VERSION;
  readonly baseline: string;
  readonly confidence: number;
  readonly rounds: readonly {
    readonly round: number;
    readonly started_at: string;
    readonly status: string;
    /** In the order in which they were replayed. */
    readonly order: readonly string[];
  }[];
  readonly mechanisms: readonly MechanismOverRounds[];
}

/** What is told of each mechanism in each round; `text`: as people read it. */
export const ROUND_FIGURES = [
  { name: 'committed_gib_s', text: 'committed, GiB·s', is_sum: true },
  { name: 'resident_gib_s', text: 'resident, GiB·s', is_sum: true },
  { name: 'committed_gib_s_per_in_time', text: 'committed for each in time, GiB·s', is_sum: false },
  { name: 'instance_starts', text: 'instances started', is_sum: true },
  { name: 'latency_p50_ms', text: 'latency p50, ms', is_sum: false },
  { name: 'latency_p99_ms', text: 'latency p99, ms', is_sum: false },
  { name: 'slowdown_p50', text: 'slowdown p50', is_sum: false },
  { name: 'plug_p50_ms', text: 'plug until plugged p50, ms', is_sum: false },
  { name: 'unplug_p50_ms', text: 'unplug until resident fell p50, ms', is_sum: false },
  { name: 'unplug_max_ms', text: 'unplug until resident fell max, ms', is_sum: false },
] as const;
export type FigureName = (typeof ROUND_FIGURES)[number]['name'];

/** Null: this round does not tell it. */
export function figureOf(name: FigureName, one: MechanismSummary): number | null {
  const { operations, invocations, memory_gib_s } = one;
  const values: Record<FigureName, number | null> = {
    committed_gib_s: memory_gib_s.committed,
    resident_gib_s: memory_gib_s.resident,
    committed_gib_s_per_in_time: one.memory_gib_s_per_in_time.committed,
    instance_starts: one.instance_starts,
    latency_p50_ms: invocations.latency.p50_ms,
    latency_p99_ms: invocations.latency.p99_ms ?? null,
    slowdown_p50: invocations.slowdown.p50,
    plug_p50_ms: operations.plug.plugged.p50_ms,
    unplug_p50_ms: operations.unplug.resident.p50_ms,
    unplug_max_ms: operations.unplug.resident.max_ms,
  };
  return values[name];
}

/** In the order of the first round. */
export function summarizeRounds(rounds: readonly Round[]): RoundsSummary {
  const names = [
    ...new Set(rounds.flatMap(({ summary }) => summary.mechanisms.map((one) => one.mechanism))),
  ];
  const baseline = rounds[0]?.summary.baseline ?? '';
  return {
    schema_version: ROUNDS_VERSION,
    baseline,
    confidence: 0.95,
    rounds: rounds.map(({ round, started_at, summary }) => ({
      round,
      started_at,
      status: summary.status,
      order: summary.mechanisms.map((one) => one.mechanism),
    })),
    mechanisms: names.map((name) => mechanismOver(rounds, name, baseline)),
  };
}

function mechanismOver(
  rounds: readonly Round[],
  mechanism: string,
  baseline: string,
): MechanismOverRounds {
  const seen = rounds.flatMap(({ round, summary }) => {
    const one = summary.mechanisms.find((found) => found.mechanism === mechanism);
    return one ? { round, one, base: baseOf(summary, baseline, mechanism) } : [];
  });
  const left_out = seen.flatMap(({ round, one }) => {
    const reasons = [...new Set(one.not_compared.map(({ code }) => code))];
    return reasons.length === 0 ? [] : { round, reasons };
  });
  const figures = ROUND_FIGURES.map(({ name, is_sum }): FigureOverRounds => {
    const counted = seen.filter(({ one }) => countsFor(one, is_sum));
    const values = counted.map(({ one }) => figureOf(name, one)).filter((one) => one !== null);
    const pairs = counted.map(({ one, base }) => ({
      own: figureOf(name, one),
      theirs: base && countsFor(base, is_sum) ? figureOf(name, base) : null,
    }));
    return { name, ...spreadOf(values), against_baseline: ratioOf(pairs) };
  });
  return { mechanism, rounds_counted: seen.length - left_out.length, left_out, figures };
}

function baseOf(summary: Summary, baseline: string, own: string): MechanismSummary | null {
  if (own === baseline) return null;
  return summary.mechanisms.find((one) => one.mechanism === baseline) ?? null;
}

/** Unequal work makes sums unfit, and not what one call or one operation took. */
function countsFor({ not_compared }: MechanismSummary, is_sum: boolean): boolean {
  return not_compared.every(({ code }) => !is_sum && code === 'unequal-work');
}

function spreadOf(values: readonly number[]): Omit<FigureOverRounds, 'name' | 'against_baseline'> {
  const { low, high } = boundsOf(values);
  const is_known = values.length > 0;
  return {
    n: values.length,
    median: known(median(values)),
    min: is_known ? rounded(low) : null,
    max: is_known ? rounded(high) : null,
    mean: roundedInterval(meanInterval(values)),
  };
}

interface Pair {
  readonly own: number | null;
  readonly theirs: number | null;
}

function ratioOf(pairs: readonly Pair[]): ConfidenceInterval | null {
  const ratios: number[] = [];
  for (const { own, theirs } of pairs) {
    if (own === null || theirs === null) continue;
    if (own <= 0 || theirs <= 0) return null;
    ratios.push(own / theirs);
  }
  return roundedInterval(geometricMeanInterval(ratios));
}

function known(value: number | null): number | null {
  return value === null ? null : rounded(value);
}

function roundedInterval(found: ConfidenceInterval | null): ConfidenceInterval | null {
  if (!found) return null;
  return { value: rounded(found.value), low: rounded(found.low), high: rounded(found.high) };
}
