/** One promise held against one figure. Pure. */
import { type Ratio, rounded } from './statistics.ts';

export type Verdict = 'met' | 'missed' | 'not measured';

export interface Check {
  /** Stable name, for scripts. */
  readonly name: string;
  readonly title: string;
  readonly comparison: 'at most' | 'at least';
  readonly target: number;
  readonly unit: string;
  readonly measured: number | null;
  readonly verdict: Verdict;
  /** By which part of the target it was missed; null when it was not. */
  readonly missed_by_percent: number | null;
  /** Where the figure comes from: sample sizes, interval, both sides of a ratio. */
  readonly detail: string;
}

interface Figure {
  readonly unit: string;
  readonly target: number;
  readonly measured: number | null;
  readonly detail: string;
}

export function atMost(name: string, title: string, figure: Figure): Check {
  return judge(name, title, 'at most', figure);
}

export function atLeast(name: string, title: string, figure: Figure): Check {
  return judge(name, title, 'at least', figure);
}

function judge(
  name: string,
  title: string,
  comparison: Check['comparison'],
  figure: Figure,
): Check {
  const { target, unit, detail } = figure;
  const value = figure.measured;
  const measured = value === null || !Number.isFinite(value) ? null : rounded(value);
  const head = { name, title, comparison, target, unit, measured, detail };
  if (measured === null) return { ...head, verdict: 'not measured', missed_by_percent: null };
  const met = comparison === 'at most' ? measured <= target : measured >= target;
  if (met) return { ...head, verdict: 'met', missed_by_percent: null };
  const distance = Math.abs(measured - target);
  const missed_by_percent = target === 0 ? null : Math.round((distance / target) * 1000) / 10;
  return { ...head, verdict: 'missed', missed_by_percent };
}

/** `met`, `missed by 12.5 %`, `missed`, `not measured`. */
export function verdictText(check: Check): string {
  const { verdict, missed_by_percent } = check;
  return missed_by_percent === null ? verdict : `${verdict} by ${missed_by_percent} %`;
}

/** A figure as people read it: three digits, or all of those before the point; '-' for none. */
export function shown(value: number | null): string {
  if (value === null) return '-';
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** The interval and the sample sizes of a ratio. */
export function intervalText(ratio: Ratio): string {
  return `95 %: ${shown(ratio.low)} to ${shown(ratio.high)}, n = ${ratio.n.join(' and ')}`;
}
