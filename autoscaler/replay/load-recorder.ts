/** Records the machine's load while a mechanism is replayed: one line an interval. */
import type { Clock } from '../../base/clock.ts';
import { REPLAY_LIMITS } from './limits.ts';
import type { LoadLine } from '../results/schema.ts';
import { loadBetween, type LoadSample } from './load.ts';
import { type RunOrigin, toRunTime } from '../results/run-time.ts';

export interface LoadRecording {
  readonly look: () => LoadSample;
  readonly clock: Clock;
  readonly origin: RunOrigin;
  readonly interval_ms: number;
  readonly onLine: (line: LoadLine) => void;
  /** Ends the recording; what came since the last line gets a line of its own. */
  readonly signal: AbortSignal;
}

/** Counters tick every 10 ms: what is shorter than some of them tells nothing. */
const LEAST_INTERVAL_MS = 100;

/** The interval for a window: a second, or more where a second would make too many lines. */
export function loadIntervalMs(window_ms: number): number {
  return Math.max(REPLAY_LIMITS.load_interval_ms, window_ms / REPLAY_LIMITS.load_looks);
}

/** Resolves when `signal` is aborted and the last line is written. Throws what `onLine` throws. */
export async function recordLoad(recording: LoadRecording): Promise<void> {
  const { look, clock, origin, interval_ms, onLine, signal } = recording;
  let before = look();
  while (!signal.aborted) {
    await clock.sleep(interval_ms, signal).catch(() => {});
    const after = look();
    if (after.at_ms - before.at_ms < LEAST_INTERVAL_MS) continue;
    const at_ms = toRunTime(after.at_ms, origin);
    onLine({ mechanism: origin.mechanism, at_ms, ...loadBetween(before, after) });
    before = after;
  }
}
