/** Figures of a simulation from its sums, and whether they are what was promised. Pure. */
import { GIB } from '../../base/units.ts';
import { REVIEW_EVERY } from '../policy/sizing/history.ts';
import type { AppClass, StrategySums, Sums } from './sizing.ts';

export interface StrategyFigures {
  readonly strategy: string;
  readonly invocations: number;
  readonly held_gib_s: number;
  readonly used_gib_s: number;
  /** Null: nothing was used. */
  readonly held_per_used: number | null;
  readonly utilisation: number | null;
  readonly plugs: number;
  readonly unplugs: number;
  readonly waits: number;
  readonly wait_ms: number;
  /** Mean time of an invocation against one that never waits, as under `peak`. */
  readonly latency_against_peak: number;
}

export function figuresOf(strategy: string, sums: StrategySums): StrategyFigures {
  const { invocations, held_byte_ms, used_byte_ms, plugs, unplugs, waits, wait_ms } = sums;
  return {
    strategy,
    invocations,
    held_gib_s: gibSeconds(held_byte_ms),
    used_gib_s: gibSeconds(used_byte_ms),
    held_per_used: ratio(held_byte_ms, used_byte_ms),
    utilisation: ratio(used_byte_ms, held_byte_ms),
    plugs,
    unplugs,
    waits,
    wait_ms: Math.round(wait_ms),
    latency_against_peak: ratio(sums.duration_ms, sums.duration_ms - wait_ms) ?? 1,
  };
}

/** One promise of sizing by history, and what the simulation says of it. */
export interface SizingCheck {
  readonly class: AppClass | 'all';
  readonly promise: string;
  readonly figures: string;
  readonly holds: boolean;
}

/** What is promised of `history` against `fixed` and `peak`, for one class of functions. */
export function sizingChecksOf(app_class: AppClass, sums: Sums): SizingCheck[] {
  const of = (name: string): StrategyFigures | null => {
    const found = sums.get(name);
    return found ? figuresOf(name, found) : null;
  };
  const [fixed, history, peak] = ['fixed', 'history', 'peak'].map(of);
  if (!fixed || !history || !peak) return [];
  const [used, fixed_used, peak_used] = [history, fixed, peak].map((one) => one.utilisation ?? 0);
  const times = (used ?? 0) / (peak_used || 1);
  const latency = history.latency_against_peak;
  const check = (promise: string, figures: string, holds: boolean): SizingCheck => ({
    class: app_class,
    promise,
    figures,
    holds,
  });
  const checks = [
    check(
      'history uses more of what it holds than fixed',
      `${percentText(used)} against ${percentText(fixed_used)}`,
      (used ?? 0) > (fixed_used ?? 0),
    ),
    check(
      'history waits less often than fixed, or neither waits',
      `${history.waits} against ${fixed.waits} of ${history.invocations}`,
      history.waits < fixed.waits || history.waits + fixed.waits === 0,
    ),
    check(
      'history is within 5 % of the latency of peak',
      `${latency.toFixed(4)} times`,
      latency <= 1.05,
    ),
  ];
  if (app_class !== 'varying') return checks;
  const twice = 'history uses at least twice as much of what it holds as peak';
  return [...checks, check(twice, `${times.toFixed(2)} times`, times >= 2)];
}

/** Sizes changed after every K-th invocation of every function, and at no other time. */
export function changesCheck(
  changes: readonly (readonly number[])[],
  invocations: number,
): SizingCheck {
  const wanted = Math.floor(invocations / REVIEW_EVERY);
  const exact = changes.filter(
    (one) => one.length === wanted && one.every((at, index) => at === (index + 1) * REVIEW_EVERY),
  );
  return {
    class: 'all',
    promise: `sizes are chosen after every ${REVIEW_EVERY} invocations and at no other time`,
    figures: `${exact.length} of ${changes.length} functions`,
    holds: exact.length === changes.length,
  };
}

export function percentText(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(share * 100).toFixed(1)} %`;
}

function ratio(a: number, b: number): number | null {
  return b > 0 ? rounded4(a / b) : null;
}

function gibSeconds(byte_ms: number): number {
  return rounded4(byte_ms / GIB / 1000);
}

function rounded4(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
