/** What else the machine did while a mechanism was measured, from load.jsonl. Pure. */
import { Sample, percentile } from '../../base/statistics.ts';
import { formatMs } from '../../base/units.ts';
import type { LoadLine } from '../results/schema.ts';

/**
 * Above these a run is disturbed and compares nothing. An idle machine has 1 to 3 % of its CPU time
 * in other hands; from a tenth on, on two cores a fifth of one, the spread between equal runs is
 * larger than the difference between mechanisms.
 */
export const OTHER_CPU_SHARE_MAX = 0.1;
/** The same for a hypervisor below that takes time away; it is told in clock ticks, so coarse. */
export const STEAL_SHARE_MAX = 0.05;
/**
 * Tasks that wait for memory: the host reclaims or swaps, so resident sizes are not the VMs' own.
 */
export const MEMORY_WAIT_SHARE_MAX = 0.1;
/** Arrivals are sent by this loop: as late as it is, the load was another than planned. */
export const EVENT_LOOP_LAG_MAX_MS = 1000;
/** Less of the window than this was observed, and nothing can be said of the rest. */
export const OBSERVED_SHARE_MIN = 0.8;

export interface LoadSummary {
  /** Null: no line within the window tells the load, so a disturbance would not be seen. */
  readonly observed_share: number | null;
  /** Means over what was observed; null: the machine does not tell it. */
  readonly other_cpu_share: number | null;
  readonly own_cpu_share: number | null;
  readonly steal_share: number | null;
  readonly psi_cpu_some_share: number | null;
  readonly psi_memory_some_share: number | null;
  readonly event_loop_lag_max_ms: number | null;
  readonly mem_available_min_bytes: number | null;
}

const SHARES = [
  'other_cpu_share',
  'own_cpu_share',
  'steal_share',
  'psi_cpu_some_share',
  'psi_memory_some_share',
] as const;
type ShareField = (typeof SHARES)[number];

/** A mean weighted by the length of each interval; of nothing it is null. */
class Mean {
  #sum = 0;
  #weight = 0;

  add(value: number | null, weight: number): void {
    if (value === null) return;
    this.#sum += value * weight;
    this.#weight += weight;
  }

  get value(): number | null {
    return this.#weight > 0 ? Math.round((this.#sum / this.#weight) * 1e6) / 1e6 : null;
  }
}

export class LoadTally {
  readonly #window_ms: number;
  readonly #means: Readonly<Record<ShareField, Mean>> = {
    other_cpu_share: new Mean(),
    own_cpu_share: new Mean(),
    steal_share: new Mean(),
    psi_cpu_some_share: new Mean(),
    psi_memory_some_share: new Mean(),
  };
  readonly #lag = new Sample();
  #available_bytes: number | null = null;
  #observed_ms = 0;

  constructor(window_ms: number) {
    this.#window_ms = window_ms;
  }

  /** Lines that lie outside of the window do not count; one across its edge counts in part. */
  add(line: LoadLine): void {
    const from_ms = Math.max(0, line.at_ms - line.interval_ms);
    const within_ms = Math.min(this.#window_ms, line.at_ms) - from_ms;
    if (within_ms <= 0) return;
    if (line.other_cpu_share !== null) this.#observed_ms += within_ms;
    for (const field of SHARES) this.#means[field].add(line[field], within_ms);
    if (line.event_loop_lag_ms !== null) this.#lag.add(line.event_loop_lag_ms);
    const left = line.mem_available_bytes;
    if (left !== null) this.#available_bytes = Math.min(this.#available_bytes ?? left, left);
  }

  summary(observed_ms: number): LoadSummary {
    const share = observed_ms > 0 ? Math.min(1, this.#observed_ms / observed_ms) : 0;
    return {
      observed_share: this.#observed_ms === 0 ? null : Math.round(share * 1e6) / 1e6,
      other_cpu_share: this.#means.other_cpu_share.value,
      own_cpu_share: this.#means.own_cpu_share.value,
      steal_share: this.#means.steal_share.value,
      psi_cpu_some_share: this.#means.psi_cpu_some_share.value,
      psi_memory_some_share: this.#means.psi_memory_some_share.value,
      event_loop_lag_max_ms: percentile(this.#lag, 1),
      mem_available_min_bytes: this.#available_bytes,
    };
  }
}

/** Why the figures are not those of an undisturbed host; none when nothing was seen. */
export function disturbances(load: LoadSummary): string[] {
  const found: string[] = [];
  const over = (value: number | null, most: number, what: string): void => {
    if (value === null || value <= most) return;
    found.push(`${what} ${whole(value)} on average (more than ${whole(most)} disturbs)`);
  };
  over(load.other_cpu_share, OTHER_CPU_SHARE_MAX, 'other programs took of the CPU time');
  over(load.steal_share, STEAL_SHARE_MAX, 'the hypervisor below took of the CPU time');
  over(load.psi_memory_some_share, MEMORY_WAIT_SHARE_MAX, 'tasks waited for memory');
  const { event_loop_lag_max_ms: lag_ms } = load;
  if (lag_ms !== null && lag_ms > EVENT_LOOP_LAG_MAX_MS) {
    found.push(`the replay itself was held up for ${formatMs(lag_ms)}`);
  }
  return found;
}

function whole(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
