/** What else the host did during the steps of a run, by the limits of a replay. Pure. */
import {
  MEMORY_WAIT_SHARE_MAX,
  OTHER_CPU_SHARE_MAX,
  STEAL_SHARE_MAX,
} from '../../../autoscaler/report/load.ts';
import type { BenchLoad } from '../results/records.ts';

export interface BenchLoadSummary {
  readonly steps: number;
  /** Names of steps during which the host was busy with something else. */
  readonly disturbed: readonly string[];
  /** Of the worst step; null: not known of any. */
  readonly other_cpu_share_max: number | null;
}

export function summarizeLoad(lines: readonly BenchLoad[]): BenchLoadSummary {
  const shares = lines.flatMap((line) => line.other_cpu_share ?? []);
  return {
    steps: lines.length,
    disturbed: lines.filter(isDisturbed).map(({ step }) => step),
    other_cpu_share_max: shares.length === 0 ? null : Math.max(...shares),
  };
}

/** For the head of table and report; null for a host that was quiet, or not watched. */
export function loadWarning(load: BenchLoadSummary): string | null {
  const { steps, disturbed, other_cpu_share_max } = load;
  if (disturbed.length === 0) return null;
  const share = Math.round((other_cpu_share_max ?? 0) * 100);
  return (
    `The host was busy with something else during ${disturbed.length} of ${steps} steps (others took ` +
    `up to ${share} % of the CPU time; load.jsonl): times of this run are no result.`
  );
}

function isDisturbed(line: BenchLoad): boolean {
  return (
    (line.other_cpu_share ?? 0) > OTHER_CPU_SHARE_MAX ||
    (line.steal_share ?? 0) > STEAL_SHARE_MAX ||
    (line.psi_memory_some_share ?? 0) > MEMORY_WAIT_SHARE_MAX
  );
}
