/**
 * Pace: how long things take a function, learned from what they took. It orders operations and says
 * before what is told after; the next agent learns it anew. Pure.
 */
import { GIB } from '../../base/units.ts';
import type { Depths } from './depths.ts';
import { NO_DURATIONS, durationPercentile, type DurationTally, withDuration } from './durations.ts';
import { type IdleRests, NO_IDLE_RESTS } from './idle-rests.ts';

export interface Pace {
  /** EMA of an invocation during which nothing heavy was given back; null: not known. */
  readonly exec_ms: number | null;
  /** Of those during which something was, in the newest epoch that had any: EMA and how many. */
  readonly slowed_ms: number | null;
  readonly slowed: number;
  readonly epoch: number;
  /** From a decision until all of the region was plugged. */
  readonly plug: DurationTally;
  /** From a decision until the guest's half of a start was over. */
  readonly start: DurationTally;
  /** What a VMM and its guest take to give back one GiB, waits of the queue not counted. */
  readonly unplug_per_gib: DurationTally;
  /** How many regions are in use at once, and again; where holding memory has a price. */
  readonly depths: Depths;
  /** When it was called last, and the EMA of the time between two calls; null: not known. */
  readonly called_at_ms: number | null;
  readonly call_gap_ms: number | null;
  /** From a call to the next, where that found nothing at work: what a burst has within is none. */
  readonly call_rests: DurationTally;
  /** How long instances were idle before a call used them, or would have; of a pool by a price. */
  readonly idle_rests: IdleRests;
}

export const NO_PACE: Pace = {
  exec_ms: null,
  slowed_ms: null,
  slowed: 0,
  epoch: 0,
  plug: NO_DURATIONS,
  start: NO_DURATIONS,
  unplug_per_gib: NO_DURATIONS,
  depths: [],
  called_at_ms: null,
  call_gap_ms: null,
  call_rests: NO_DURATIONS,
  idle_rests: NO_IDLE_RESTS,
};

/** The share of the newest value in a mean; chosen: the last ten count for two thirds. */
const ALPHA = 0.1;

const meanWith = (mean: number | null, value: number): number =>
  mean === null ? value : mean + ALPHA * (value - mean);

/** An invocation ran for so long; `epoch`: of the reclaim beside it; null: there was none. */
export function withRun(pace: Pace, ran_ms: number, epoch: number | null): Pace {
  if (epoch === null) return { ...pace, exec_ms: meanWith(pace.exec_ms, ran_ms) };
  const same = pace.epoch === epoch;
  return {
    ...pace,
    slowed_ms: meanWith(same ? pace.slowed_ms : null, ran_ms),
    slowed: same ? pace.slowed + 1 : 1,
    epoch,
  };
}

/** The mean of the time between two, with one more now. */
function gapWith(last_ms: number | null, mean_ms: number | null, now_ms: number): number | null {
  return last_ms === null ? mean_ms : meanWith(mean_ms, now_ms - last_ms);
}

/** A call comes now; `rested`: nothing of its function ran or waited. */
export function withCall(pace: Pace, now_ms: number, rested: boolean): Pace {
  const { called_at_ms, call_rests: rests } = pace;
  const call_gap_ms = gapWith(called_at_ms, pace.call_gap_ms, now_ms);
  const is_rest = rested && called_at_ms !== null;
  const call_rests = is_rest ? withDuration(rests, now_ms - called_at_ms) : rests;
  return { ...pace, called_at_ms: now_ms, call_gap_ms, call_rests };
}

export const withPlug = (pace: Pace, took_ms: number): Pace => ({
  ...pace,
  plug: withDuration(pace.plug, took_ms),
});

export const withStarted = (pace: Pace, took_ms: number): Pace => ({
  ...pace,
  start: withDuration(pace.start, took_ms),
});

export const withUnplug = (pace: Pace, took_ms: number, bytes: number): Pace =>
  bytes > 0
    ? { ...pace, unplug_per_gib: withDuration(pace.unplug_per_gib, (took_ms * GIB) / bytes) }
    : pace;

/** What an unplug of so many bytes will take, as 99 of 100 did (ms); null: not known. */
export function unplugMs({ unplug_per_gib }: Pace, bytes: number, percent = 99): number | null {
  const per_gib_ms = durationPercentile(unplug_per_gib, percent);
  return per_gib_ms === null ? null : (per_gib_ms * bytes) / GIB;
}

/** From a start until an instance is ready (ms): p99 of its plug and of its guest's half. */
export function untilReadyMs({ plug, start }: Pick<Pace, 'plug' | 'start'>): number {
  return Math.max(durationPercentile(plug, 99) ?? 0, durationPercentile(start, 99) ?? 0);
}

/** From a start until its invocation is over (ms): until it is ready, and the mean of what runs. */
export function pathMs(pace: Pace): number {
  return untilReadyMs(pace) + (pace.exec_ms ?? 0);
}
