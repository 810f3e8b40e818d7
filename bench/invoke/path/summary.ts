/** What the way to a function and back costs beside the channel that it goes through. Pure. */
import { MIB } from '../../../base/units.ts';
import { atLeast, atMost, type Check, intervalText } from '../../check.ts';
import { ratioOfMedians, type Spread, spreadOf } from '../../statistics.ts';

/** An empty call over a round trip of the channel. */
const ROUND_TRIP_TIMES = 1.3;
/** Bytes of an echo in a second, both ways, over those of the channel. */
const RATE_TIMES = 0.5;
const SEED = 1;

/** As measured, in turns (ms). */
export interface PathTimes {
  /** Round trips of the channel alone. */
  readonly ping_ms: readonly number[];
  /** Empty calls, from when the agent has one to when its caller has the answer. */
  readonly call_ms: readonly number[];
  /** Calls with `large_bytes` there and back, as their caller sees them. */
  readonly echo_ms: readonly number[];
  /** `large_bytes` to a guest that drops them. */
  readonly sent_ms: readonly number[];
  readonly large_bytes: number;
}

export interface PathSummary {
  readonly ping_ms: Spread | null;
  readonly call_ms: Spread | null;
  readonly echo_mib_per_second: Spread | null;
  readonly sent_mib_per_second: Spread | null;
  readonly checks: readonly Check[];
}

export function summarizePath(times: PathTimes): PathSummary {
  const { ping_ms, call_ms, large_bytes } = times;
  const echoed = times.echo_ms.map((ms) => rateOf(2 * large_bytes, ms));
  const sent = times.sent_ms.map((ms) => rateOf(large_bytes, ms));
  const round_trip = ratioOfMedians(call_ms, ping_ms, SEED);
  const rate = ratioOfMedians(echoed, sent, SEED);
  return {
    ping_ms: spreadOf(ping_ms),
    call_ms: spreadOf(call_ms),
    echo_mib_per_second: spreadOf(echoed),
    sent_mib_per_second: spreadOf(sent),
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

/** MiB in a second. */
const rateOf = (bytes: number, ms: number): number => (bytes / MIB / ms) * 1_000;
