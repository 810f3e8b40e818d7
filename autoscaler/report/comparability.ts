/** Which mechanisms may be compared, and why the others may not. Pure. */
import { formatMs } from '../../base/units.ts';
import type { MechanismRun } from '../results/schema.ts';
import { IN_TIME_MS, type InvocationSummary } from './invocations.ts';
import { disturbances, type LoadSummary, OBSERVED_SHARE_MIN } from './load.ts';

/**
 * Equal work: a mechanism that serves fewer in time than the baseline, by more than this share of
 * the plan, keeps memory low by letting callers wait. Of a hundred calls, half of them in time, two
 * equal runs differ by as much as 7 for no reason (one standard deviation of the difference).
 */
const IN_TIME_SHARE_LESS_MAX = 0.1;

/**
 * A guest that takes this much longer for a call than planned, in the median, is short of CPU. On a
 * host with room it is 1.0 to 1.1, as a call lasts as long as planned whatever it computes in it.
 */
export const SATURATED_SLOWDOWN = 1.3;

export type ReasonCode =
  | 'run-not-complete'
  | 'window-not-observed'
  | 'records-missing'
  | 'work-not-done'
  | 'vm-not-alive'
  | 'host-disturbed'
  | 'host-saturated'
  | 'unequal-work';

/** Why a mechanism is shown without a saving. */
export interface Reason {
  readonly code: ReasonCode;
  readonly text: string;
}

export type Mark =
  | 'load-not-observed'
  | 'load-observed-in-part'
  | 'saturated'
  | 'failures-injected';

export interface Evidence {
  readonly run: MechanismRun;
  readonly window_ms: number;
  readonly invocations: InvocationSummary;
  readonly load: LoadSummary;
  readonly vm_problems: readonly string[];
  /** Files without which nothing can be said, or whose end was cut off. */
  readonly incomplete_files: readonly string[];
}

/** What stands against comparing it with anything; empty when nothing does. */
export function reasonsAgainst(evidence: Evidence): Reason[] {
  const { run, window_ms, invocations, load, vm_problems, incomplete_files } = evidence;
  const reasons: Reason[] = [];
  const add = (code: ReasonCode, text: string): void => void reasons.push({ code, text });
  if (run.status !== 'complete') add('run-not-complete', `its run is marked "${run.status}"`);
  if (run.observed_ms < window_ms) {
    const seen = formatMs(run.observed_ms);
    add('window-not-observed', `it was observed for ${seen} of ${formatMs(window_ms)}`);
  }
  for (const file of incomplete_files) add('records-missing', file);
  const work = workNotDone(invocations);
  if (work !== null) add('work-not-done', work);
  for (const text of vm_problems) add('vm-not-alive', text);
  for (const text of disturbances(load)) add('host-disturbed', text);
  return reasons;
}

/**
 * What stands against comparing it with this baseline. A baseline that moves no memory and is short
 * of CPU all the same tells that the plan alone fills the host: what moves memory then competes
 * with the functions, and the order of mechanisms is an accident.
 */
export function reasonsAgainstBaseline(
  own: InvocationSummary,
  baseline: { readonly name: string; readonly invocations: InvocationSummary },
): Reason[] {
  const reasons: Reason[] = [];
  const theirs = baseline.invocations;
  if (isSaturated(theirs)) {
    const times = theirs.service_slowdown_p50?.toFixed(2);
    const text =
      `the work alone fills the host: under ${baseline.name} the median call took ${times} times ` +
      'its planned duration';
    reasons.push({ code: 'host-saturated', text });
  }
  const share = own.planned === 0 ? 1 : own.in_time / own.planned;
  const base_share = theirs.planned === 0 ? 1 : theirs.in_time / theirs.planned;
  if (share >= base_share - IN_TIME_SHARE_LESS_MAX) return reasons;
  const text =
    `it served ${own.in_time} of ${own.planned} within ${formatMs(IN_TIME_MS)} of their planned ` +
    `end, ${baseline.name} ${theirs.in_time} of ${theirs.planned}: callers waited for its savings`;
  return [...reasons, { code: 'unequal-work', text }];
}

function isSaturated({ service_slowdown_p50: slowdown }: InvocationSummary): boolean {
  return slowdown !== null && slowdown > SATURATED_SLOWDOWN;
}

export function marksOf({ run, load, invocations }: Evidence): Mark[] {
  const marks: Mark[] = [];
  if (load.observed_share === null) marks.push('load-not-observed');
  else if (load.observed_share < OBSERVED_SHARE_MIN) marks.push('load-observed-in-part');
  if (isSaturated(invocations)) marks.push('saturated');
  if (run.failures !== null) marks.push('failures-injected');
  return marks;
}

function workNotDone({ outcomes, planned, not_within_window }: InvocationSummary): string | null {
  if (not_within_window === 0) return null;
  const missing = [
    [outcomes.not_sent, 'never sent'],
    [outcomes.refused, 'refused'],
    [outcomes.failed, 'failed'],
    [outcomes.interrupted, 'interrupted'],
    [not_within_window - (planned - outcomes.done), 'done after the window'],
  ] as const;
  const parts = missing.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  return `of ${planned} planned invocations ${parts.join(', ')}`;
}
