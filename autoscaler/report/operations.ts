/** What plugging and unplugging cost, from the operation lines of one mechanism. Pure. */
import type { OperationLine } from '../results/schema.ts';
import { between, describe, type Distribution } from './statistics.ts';

/** Times since the resize was sent to the VMM; each stage is counted from there. */
export interface OperationStages {
  /** Before that: decided (plug) or instance gone (unplug) -> request sent to the VMM. */
  readonly queued: Distribution;
  /** The VMM took the request. Never success. */
  readonly accepted: Distribution;
  /** Plugged = requested, the VMM's word. */
  readonly plugged: Distribution;
}

export interface OutcomeCounts {
  readonly done: number;
  readonly partial: number;
  readonly refused: number;
  readonly failed: number;
}

export interface OperationSummary {
  /** Operations before the run's start (a static VM plugs at boot); not in the figures below. */
  readonly during_set_up: number;
  readonly plug: OperationStages & {
    readonly outcomes: OutcomeCounts;
    readonly bytes: number;
  };
  readonly unplug: OperationStages & {
    /** The host holds no memory of the region any more. */
    readonly resident: Distribution;
    /** Before the request: stopping the instance, until its process tree is gone. */
    readonly stop: Distribution;
    readonly outcomes: OutcomeCounts;
    /** Given back to the host. */
    readonly bytes: number;
    /** Still plugged at the end of an unplug, summed over operations. */
    readonly not_unplugged_bytes: number;
    readonly nudges: number;
    readonly guest_cpu_ms: number;
  };
}

export function summarizeOperations(lines: readonly OperationLine[]): OperationSummary {
  const counted = lines.filter((line) => startOf(line) >= 0);
  const plugs = counted.filter((line) => line.kind === 'plug');
  const unplugs = counted.filter((line) => line.kind === 'unplug');
  const missed = unplugs.map((line) => Math.max(0, line.plugged_bytes - line.requested_bytes));
  return {
    during_set_up: lines.length - counted.length,
    plug: {
      ...stages(plugs),
      outcomes: countOutcomes(plugs),
      bytes: plugs.reduce(
        (sum, line) => sum + Math.max(0, line.plugged_bytes - line.before_bytes),
        0,
      ),
    },
    unplug: {
      ...stages(unplugs),
      resident: describe(latencies(unplugs, 'resident_at_ms')),
      stop: describe(
        unplugs
          .filter((line) => line.stop_at_ms !== null)
          .map((line) => between(line.stop_at_ms, line.gone_at_ms)),
      ),
      outcomes: countOutcomes(unplugs),
      bytes: unplugs.reduce(
        (sum, line) => sum + Math.max(0, line.before_bytes - line.plugged_bytes),
        0,
      ),
      not_unplugged_bytes: missed.reduce((sum, bytes) => sum + bytes, 0),
      nudges: unplugs.reduce((sum, line) => sum + line.nudges, 0),
      guest_cpu_ms: round(unplugs.reduce((sum, line) => sum + line.guest_cpu_ms, 0)),
    },
  };
}

/** Time from the request to a stage, of every operation that got as far as being requested. */
export function latencies(
  lines: readonly OperationLine[],
  stage: 'accepted_at_ms' | 'plugged_at_ms' | 'resident_at_ms',
): (number | null)[] {
  return lines
    .filter((line) => line.requested_at_ms !== null)
    .map((line) => between(line.requested_at_ms, line[stage]));
}

/** When an operation began; one that was refused before it began counts from its decision. */
export function startOf(line: OperationLine): number {
  return line.decided_at_ms ?? line.requested_at_ms ?? line.stop_at_ms ?? 0;
}

function stages(lines: readonly OperationLine[]): OperationStages {
  return {
    queued: describe(
      lines
        .filter((line) => line.requested_at_ms !== null)
        .map((line) => between(line.gone_at_ms ?? line.decided_at_ms, line.requested_at_ms)),
    ),
    accepted: describe(latencies(lines, 'accepted_at_ms')),
    plugged: describe(latencies(lines, 'plugged_at_ms')),
  };
}

function countOutcomes(lines: readonly OperationLine[]): OutcomeCounts {
  const count = (outcome: OperationLine['outcome']): number =>
    lines.filter((line) => line.outcome === outcome).length;
  return {
    done: count('done'),
    partial: count('partial'),
    refused: count('refused'),
    failed: count('failed'),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
