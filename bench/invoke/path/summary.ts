/** What the way to a function and back costs beside the channel that it goes through. Pure. */
import { MIB } from '../../../base/units.ts';
import { atLeast, atMost, type Check, intervalText } from '../../check.ts';
import { median, ratioOfMedians, rounded, type Spread, spreadOf } from '../../statistics.ts';
import { type PathCall, type PathStage, spreadOfStages } from './stages.ts';

/** An empty call over a round trip of the channel. */
const ROUND_TRIP_TIMES = 1.3;
/** Bytes of an echo in a second, both ways, over those of the channel. */
const RATE_TIMES = 0.5;
const SEED = 1;

/** As measured, in turns (ms). */
export interface PathTimes {
  /** Round trips of the channel alone. */
  readonly ping_ms: readonly number[];
  /** Empty calls. */
  readonly calls: readonly PathCall[];
  /** Calls with `large_bytes` there and back. */
  readonly echoes: readonly PathCall[];
  /** `large_bytes` to a guest that drops them. */
  readonly sent_ms: readonly number[];
  /** Hops of a call inside the guest, by bare processes. */
  readonly hops_ms: readonly number[];
  readonly large_bytes: number;
}

export interface PathSummary {
  readonly ping_ms: Spread | null;
  readonly hops_ms: Spread | null;
  /** A round trip of the channel with these hops, over one without: no call is below it. */
  readonly floor_times: number | null;
  readonly call_ms: Spread | null;
  readonly echo_mib_per_second: Spread | null;
  readonly sent_mib_per_second: Spread | null;
  /** Where the time of an empty call goes, and of one with a large payload. */
  readonly call_stages: Readonly<Record<PathStage, Spread | null>>;
  readonly echo_stages: Readonly<Record<PathStage, Spread | null>>;
  readonly checks: readonly Check[];
}

export function summarizePath(times: PathTimes): PathSummary {
  const { ping_ms, hops_ms, calls, echoes, large_bytes } = times;
  const call_ms = calls.map(({ taken_ms }) => taken_ms);
  const echoed = echoes.map(({ asked_ms }) => rateOf(2 * large_bytes, asked_ms));
  const sent = times.sent_ms.map((ms) => rateOf(large_bytes, ms));
  const round_trip = ratioOfMedians(call_ms, ping_ms, SEED);
  const rate = ratioOfMedians(echoed, sent, SEED);
  return {
    ping_ms: spreadOf(ping_ms),
    hops_ms: spreadOf(hops_ms),
    floor_times: floorOf(median(ping_ms), median(hops_ms)),
    call_ms: spreadOf(call_ms),
    echo_mib_per_second: spreadOf(echoed),
    sent_mib_per_second: spreadOf(sent),
    call_stages: spreadOfStages(calls),
    echo_stages: spreadOfStages(echoes),
    checks: [
      atMost('invoke-path-round-trip', 'empty call of an echo / ping of the channel', {
        unit: 'times',
        target: ROUND_TRIP_TIMES,
        measured: round_trip?.ratio ?? null,
        detail: round_trip ? intervalText(round_trip) : '',
      }),
      atLeast('invoke-path-rate', 'rate of a 6 MiB echo / rate of the channel', {
        unit: 'times',
        target: RATE_TIMES,
        measured: rate?.ratio ?? null,
        detail: rate ? intervalText(rate) : '',
      }),
    ],
  };
}

const floorOf = (ping_ms: number | null, hops_ms: number | null): number | null =>
  ping_ms === null || hops_ms === null ? null : rounded((ping_ms + hops_ms) / ping_ms);

/** MiB in a second. */
const rateOf = (bytes: number, ms: number): number => (bytes / MIB / ms) * 1_000;
