/**
 * A deadline that counts only time in which this process could look. A host that stands still (a
 * paused virtual machine, a frozen cgroup, SIGSTOP) fires every timer at once when it goes on,
 * before any answer was read: that is no fault of who was asked.
 */
import type { Clock } from './clock.ts';

/** Longest time between two looks at the clock; all that a pause can cost of a deadline. */
const SLICE_MS = 5_000;
/** A timer that fires later than this was held up by a pause, not by a busy process. */
const LATE_MS = 1_000;

/** As Clock.timer; after a pause there is at least one slice left for answers to be read. */
export function observedTimer(clock: Clock, ms: number, onTime: () => void): () => void {
  let left_ms = ms;
  let callOff: (() => void) | null = null;
  const arm = (): void => {
    const slice_ms = Math.min(left_ms, SLICE_MS);
    const due_ms = clock.nowMs() + slice_ms;
    callOff = clock.timer(slice_ms, () => {
      left_ms -= slice_ms;
      const paused = clock.nowMs() - due_ms > LATE_MS;
      if (paused) left_ms = Math.max(left_ms, Math.min(ms, SLICE_MS));
      if (left_ms > 0) arm();
      else onTime();
    });
  };
  arm();
  return () => callOff?.();
}
