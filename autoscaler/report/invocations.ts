/** What the invocations saw, from the invocation lines of one mechanism, one by one. */
import {
  between,
  describe,
  type Distribution,
  geometricMean,
  hasPercentile,
  percentile,
  Sample,
} from '../../base/statistics.ts';
import type { InvocationLine } from '../results/schema.ts';
import { PlannedWork } from './planned-work.ts';
import { WaitTally, type WaitSummary } from './waits.ts';

/** Planned durations below this count as this in the slowdown: one millisecond, compressed. */
export const SHORTEST_DURATION_MS = 1;

/**
 * Served in time: done at most this long after the planned arrival plus the planned duration. One
 * second is some three times the slowest start of an instance on a quiet host under emulation, so
 * that a start is in time and a queue behind a slow plug is not. Not divided by the speed-up, as
 * plugs and starts are not.
 */
export const IN_TIME_MS = 1000;

export interface InvocationSummary {
  /** Of the plan, whether or not it came to be sent. */
  readonly planned: number;
  readonly outcomes: {
    readonly done: number;
    readonly refused: number;
    readonly failed: number;
    readonly interrupted: number;
    /** Planned, and without a line: the run ended before. */
    readonly not_sent: number;
  };
  /** Finished after the measured window, or never: what the host could not keep up with. */
  readonly not_within_window: number;
  /** Done at most in_time_ms after the planned end. */
  readonly in_time: number;
  /** The agent's received -> finished, of every invocation it received. */
  readonly latency: Distribution;
  /** The same of those done that found an idle instance, and of those that had to wait. */
  readonly latency_not_waited: Distribution;
  readonly latency_waited: Distribution;
  /** (received -> finished) / planned duration; no unit. p99 only where n allows it. */
  readonly slowdown: {
    readonly n: number;
    readonly min: number | null;
    readonly p50: number | null;
    readonly p99?: number | null;
    readonly max: number | null;
    /** Geometric mean over functions of each function's p99; null unless all of them have one. */
    readonly p99_over_functions: number | null;
  };
  /** Given to an instance -> finished, / planned duration: above 1 the host was short of CPU. */
  readonly service_slowdown_p50: number | null;
  readonly waits: WaitSummary;
  /** What the guests say their invocations used; `touch_ms` null: not recorded. */
  readonly guest_cpu: { readonly total_ms: number; readonly touch_ms: number | null };
  /** How late the replay itself sent: planned -> sent. */
  readonly lateness: Distribution;
}

/** It was made so that others find a host at work; no figure counts it. */
export function isWarmUp({ planned_at_ms }: Pick<InvocationLine, 'planned_at_ms'>): boolean {
  return planned_at_ms < 0;
}

export class InvocationTally {
  readonly plan = new PlannedWork();
  readonly latency = new Sample();
  readonly lateness = new Sample();
  readonly waits = new WaitTally();
  readonly #latency_waited = new Sample();
  readonly #latency_not_waited = new Sample();
  readonly #slowdown = new Sample();
  readonly #slowdown_by_function = new Map<string, Sample>();
  readonly #service = new Sample();
  readonly #outcomes = { done: 0, refused: 0, failed: 0, interrupted: 0 };
  readonly #window_ms: number;
  #lines = 0;
  #warm_up = 0;
  #late = 0;
  #in_time = 0;
  #cpu_ms = 0;
  #touch_ms: number | null = 0;

  constructor(window_ms: number) {
    this.#window_ms = window_ms;
  }

  /** Those of the warm-up included. */
  get lines(): number {
    return this.#lines + this.#warm_up;
  }

  add(line: InvocationLine): void {
    this.plan.add(line.function, line.planned_at_ms, line.planned_duration_ms);
    if (isWarmUp(line)) {
      this.#warm_up += 1;
      return;
    }
    this.#lines += 1;
    this.#outcomes[line.outcome] += 1;
    this.waits.add(line);
    const finished_ms = line.outcome === 'done' ? line.finished_at_ms : null;
    if ((finished_ms ?? Infinity) > this.#window_ms) this.#late += 1;
    const planned_end_ms = line.planned_at_ms + line.planned_duration_ms;
    if ((finished_ms ?? Infinity) <= planned_end_ms + IN_TIME_MS) this.#in_time += 1;
    if (line.sent_at_ms === null) return;
    this.lateness.add(between(line.planned_at_ms, line.sent_at_ms));
    if (line.outcome !== 'interrupted') this.#addLatency(line, finished_ms);
  }

  /** `planned`: as many as the plan has to measure, when that is more than there are lines. */
  summary(planned: number): InvocationSummary {
    const not_sent = Math.max(0, planned - this.#lines);
    return {
      planned: this.#lines + not_sent,
      outcomes: { ...this.#outcomes, not_sent },
      not_within_window: this.#late + not_sent,
      in_time: this.#in_time,
      latency: describe(this.latency),
      latency_not_waited: describe(this.#latency_not_waited),
      latency_waited: describe(this.#latency_waited),
      slowdown: this.#slowdowns(),
      service_slowdown_p50: rounded(percentile(this.#service, 0.5)),
      waits: this.waits.summary(not_sent),
      guest_cpu: { total_ms: rounded(this.#cpu_ms) ?? 0, touch_ms: rounded(this.#touch_ms) },
      lateness: describe(this.lateness),
    };
  }

  /** Of every invocation that was sent; one that never finished is not reached. */
  #addLatency(line: InvocationLine, finished_ms: number | null): void {
    const latency_ms = between(line.received_at_ms, finished_ms);
    this.latency.add(latency_ms);
    const planned_ms = Math.max(SHORTEST_DURATION_MS, line.planned_duration_ms);
    const slowdown = latency_ms === null ? null : latency_ms / planned_ms;
    this.#slowdown.add(slowdown);
    let own = this.#slowdown_by_function.get(line.function);
    if (!own) this.#slowdown_by_function.set(line.function, (own = new Sample()));
    own.add(slowdown);
    if (line.outcome !== 'done') return;
    const waited = this.waits.hasWaited(line);
    if (waited !== null) (waited ? this.#latency_waited : this.#latency_not_waited).add(latency_ms);
    const served_ms = between(this.waits.givenAt(line), finished_ms);
    if (served_ms !== null) this.#service.add(served_ms / planned_ms);
    // Null only in one that was not done.
    this.#cpu_ms += line.guest_cpu_ms ?? 0;
    this.#touch_ms =
      this.#touch_ms === null || line.guest_touch_cpu_ms === null
        ? null
        : this.#touch_ms + line.guest_touch_cpu_ms;
  }

  #slowdowns(): InvocationSummary['slowdown'] {
    const own = [...this.#slowdown_by_function.values()];
    const tails = own.map((sample) =>
      hasPercentile(sample.n, 0.99) ? percentile(sample, 0.99) : null,
    );
    const reached = tails.filter((tail) => tail !== null);
    const { n } = this.#slowdown;
    return {
      n,
      min: rounded(this.#slowdown.sorted[0] ?? null),
      p50: rounded(percentile(this.#slowdown, 0.5)),
      ...(hasPercentile(n, 0.99) ? { p99: rounded(percentile(this.#slowdown, 0.99)) } : {}),
      max: rounded(percentile(this.#slowdown, 1)),
      p99_over_functions: reached.length === tails.length ? geometricMean(reached) : null,
    };
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
