/** What a check of a kernel tree found, as `--json` prints it: times in ms, sizes in bytes. */
import type { CaseResult } from './selftest-lines.ts';

/**
 * In the order in which they are done: a series that does not apply is told before anything is
 * compiled.
 */
export const CHECK_STEPS = [
  'apply',
  'build_patched',
  'build_untouched',
  'boot_untouched',
  'boot_patched',
  'selftests',
  'cost',
] as const;
export type CheckStepName = (typeof CHECK_STEPS)[number];

export interface CheckStep {
  readonly name: CheckStepName;
  readonly outcome: 'pass' | 'fail' | 'skip';
  readonly duration_ms: number;
  /** One line: what was done, why it was left out, or what is wrong. */
  readonly detail: string;
  /** What helps to understand a failure: the end of a log or of a console. */
  readonly lines: readonly string[];
  /** Of the selftests and of the costs; empty for the others. */
  readonly cases: readonly CaseResult[];
}

/** One price under counted instructions, on both kernels. */
export interface CostFigure {
  readonly metric: string;
  readonly untouched: number;
  readonly off: number;
  /** How much more the patched kernel takes, below 0 for less. */
  readonly percent: number;
}

/** A page fault of a process in a partition against one of a process in none, by instructions. */
export interface AttachedFigure {
  readonly threads: number;
  readonly unattached: number;
  readonly attached: number;
  /** How much more the attached one takes, below 0 for less. */
  readonly percent: number;
}

export interface CheckSubject {
  readonly tree: string;
  /** Of a tree under git without changes; else null. */
  readonly commit: string | null;
  /** Null until it was unpacked or found. */
  readonly kernel_version: string | null;
  readonly series: string;
  readonly series_revision: string | null;
  readonly patches: readonly string[];
}

export interface CheckResult {
  readonly schema_version: 1;
  readonly subject: CheckSubject;
  readonly steps: readonly CheckStep[];
  readonly costs: readonly CostFigure[];
  /** Empty when it was not counted, or the series makes no partitions. */
  readonly attached: readonly AttachedFigure[];
  readonly duration_ms: number;
  readonly exit_code: number;
}

/** Exit codes of `kernel check` and `kernel bisect`, beside those of every command. */
export const CHECK_EXIT_CODES = {
  apply: 10,
  build: 11,
  boot: 12,
  selftests: 13,
  cost: 14,
} as const;

const EXIT_OF: Readonly<Record<CheckStepName, number>> = {
  apply: CHECK_EXIT_CODES.apply,
  build_patched: CHECK_EXIT_CODES.build,
  build_untouched: CHECK_EXIT_CODES.build,
  boot_untouched: CHECK_EXIT_CODES.boot,
  boot_patched: CHECK_EXIT_CODES.boot,
  selftests: CHECK_EXIT_CODES.selftests,
  cost: CHECK_EXIT_CODES.cost,
};

/** Of the first step that failed; 0 when none did. Pure. */
export function exitCodeOf(steps: readonly CheckStep[]): number {
  const failed = steps.find(({ outcome }) => outcome === 'fail');
  return failed ? EXIT_OF[failed.name] : 0;
}
