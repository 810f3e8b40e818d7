/**
 * Who waited for what. Every planned invocation is counted once, so the counts add up to the plan.
 * "Cold" and "warm" hide this: a call that waits may be served by an instance that another call had
 * started, and an instance started for a call may find that another took it.
 */
import { between, describe, type Distribution, Sample } from '../../base/statistics.ts';
import type { InvocationLine } from '../results/schema.ts';

export interface WaitSummary {
  /** An idle instance was there. */
  readonly not_waited: number;
  /** Waited until a new instance was ready, and was its first call. */
  readonly waited_for_start: number;
  /** Waited until an instance that served others before became free. */
  readonly waited_for_other: number;
  /** Got an instance; whether it waited is not recorded. */
  readonly unknown: number;
  /** The agent got it, and no instance ever did: refused, or failed while waiting. */
  readonly never_given: number;
  /** Sent, or not even that, without an answer by the agent. */
  readonly unanswered: number;
  readonly not_sent: number;
  /** Received -> given to a ready instance, of those that waited. */
  readonly wait: Distribution;
  /** The sum of it: what callers paid for memory that was not there. */
  readonly wait_total_ms: number;
}

export class WaitTally {
  readonly wait = new Sample();
  readonly #counts = {
    not_waited: 0,
    waited_for_start: 0,
    waited_for_other: 0,
    unknown: 0,
    never_given: 0,
    unanswered: 0,
  };
  #total_ms = 0;

  add(line: InvocationLine): void {
    this.#counts[this.#causeOf(line)] += 1;
    if (!this.hasWaited(line)) return;
    const wait_ms = between(line.received_at_ms, this.givenAt(line));
    if (wait_ms === null) return;
    this.wait.add(wait_ms);
    this.#total_ms += Math.max(0, wait_ms);
  }

  /** Null when it never got an instance. Older folders say it by their stamps alone. */
  hasWaited(line: InvocationLine): boolean | null {
    if (line.received_at_ms === null || line.assigned_at_ms === null) return null;
    if (line.cold) return true;
    return line.waited ?? line.assigned_at_ms > line.received_at_ms;
  }

  /** When it was given to an instance that was ready. */
  givenAt(line: InvocationLine): number | null {
    const { assigned_at_ms, instance_ready_at_ms } = line;
    if (assigned_at_ms === null) return null;
    return Math.max(assigned_at_ms, instance_ready_at_ms ?? assigned_at_ms);
  }

  summary(not_sent: number): WaitSummary {
    return {
      ...this.#counts,
      not_sent,
      wait: describe(this.wait),
      wait_total_ms: Math.round(this.#total_ms * 1000) / 1000,
    };
  }

  #causeOf(
    line: InvocationLine,
  ): Exclude<keyof WaitSummary, 'not_sent' | 'wait' | 'wait_total_ms'> {
    if (line.received_at_ms === null) return 'unanswered';
    if (line.assigned_at_ms === null) return line.outcome === 'done' ? 'unknown' : 'never_given';
    if (line.cold) return 'waited_for_start';
    return this.hasWaited(line) ? 'waited_for_other' : 'not_waited';
  }
}
