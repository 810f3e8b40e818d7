/**
 * How much a function's calls want ready, by how often they come and how long each keeps something:
 * their mean number at once, and so many deviations more (l T + z sqrt(l T), the sum of independent
 * arrivals). Pure.
 */
import { wantedAtOnce } from '../../agent/model/at-once.ts';
import type { FunctionSpec } from '../../agent/model/spec.ts';
import { type Pace, untilReadyMs } from '../../agent/model/pace.ts';
import { deviationsAt } from './normal.ts';

/** Calls closer together than this are one moment. */
const LEAST_MS = 1;

export interface PoolWants {
  /** Instances, whatever they do. */
  readonly instances: number;
  /** Idle ones of them, beside those that run. */
  readonly warm: number;
  /** Regions that are plugged, whoever has them. */
  readonly regions: number;
}

/**
 * Null: it was never called. An instance is kept from others for a call; where another is ready
 * sooner than that, no more are to be idle than are wanted until then. A region is kept for as long
 * as its start takes besides. Of one call nothing is known but that it came: one of each.
 */
export function poolWants(
  pace: Pace,
  about: {
    readonly now_ms: number;
    readonly busy: number;
    readonly percentile: number;
    readonly spec: Pick<FunctionSpec, 'concurrency' | 'max_vms'>;
  },
): PoolWants | null {
  const { called_at_ms, call_gap_ms } = pace;
  if (called_at_ms === null) return null;
  const { now_ms, busy, spec } = about;
  const deviations = deviationsAt(about.percentile);
  // A function that is not called any more is called more and more seldom.
  const gap_ms = Math.max(LEAST_MS, call_gap_ms ?? Infinity, now_ms - called_at_ms);
  const most = spec.concurrency * spec.max_vms;
  const of = (kept_ms: number): number =>
    Math.max(1, Math.min(most, wantedAtOnce(gap_ms, kept_ms, deviations)));
  const busy_ms = pace.exec_ms ?? pace.slowed_ms ?? 0;
  const ready_ms = untilReadyMs(pace);
  const instances = of(busy_ms);
  const warm = Math.min(instances - busy, ready_ms > 0 ? of(ready_ms) : most);
  return { instances, warm: Math.max(0, warm), regions: of(busy_ms + ready_ms) };
}
