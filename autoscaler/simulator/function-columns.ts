/** What the fast engine knows of each function, in columns by its index. */
import { resizeMs } from './mechanism-models.ts';
import type { TablePolicy } from './table-policies.ts';
import { readyMs, type SimCosts, type SimFunction } from './workload.ts';

export class FunctionColumns {
  /** Of one instance. */
  readonly region_bytes: Float64Array;
  /** How long a start takes, and how long it takes until a stopped one's memory is back. */
  readonly ready_ms: Float64Array;
  readonly gone_ms: Float64Array;
  /** Of all: from the stop of one until its memory can go. */
  readonly stop_ms: number;
  /** The policy's own, which it may change, see TablePolicy. */
  readonly keep_alive_ms: Float64Array;
  readonly prewarm_ms: Float64Array;
  /** Regions that hold no instance. */
  readonly free: Int32Array;
  readonly instances: Int32Array;
  /** Most instances so far. */
  readonly peaks: Int32Array;
  readonly starting: Int32Array;
  readonly busy: Int32Array;
  /** NaN: none of its invocations has ended. */
  readonly last_end_ms: Float64Array;
  /** When its idle instances are looked at next; infinite: when something else happens. */
  readonly alarm_ms: Float64Array;

  constructor(functions: readonly SimFunction[], costs: SimCosts, policy: TablePolicy) {
    const count = functions.length;
    const { unplug } = costs.mechanism;
    this.region_bytes = Float64Array.from(functions, (one) => one.region_bytes);
    this.ready_ms = this.region_bytes.map((bytes) => readyMs(costs, bytes));
    this.gone_ms = this.region_bytes.map((bytes) => resizeMs(unplug, bytes));
    this.stop_ms = costs.stop_ms;
    this.keep_alive_ms = policy.keep_alive_ms;
    this.prewarm_ms = policy.prewarm_ms;
    this.free = Int32Array.from(functions, (one) => one.concurrency);
    this.instances = new Int32Array(count);
    this.peaks = new Int32Array(count);
    this.starting = new Int32Array(count);
    this.busy = new Int32Array(count);
    this.last_end_ms = new Float64Array(count).fill(Number.NaN);
    this.alarm_ms = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  }

  /** One instance more. */
  noteStart(fn: number): void {
    const there = (this.instances[fn] ?? 0) + 1;
    this.instances[fn] = there;
    if (there > (this.peaks[fn] ?? 0)) this.peaks[fn] = there;
  }
}
