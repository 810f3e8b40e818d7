/**
 * Which requests lie in a stretch of time, and which stretches of quiet time to compare with. Pure.
 */
import type { RequestSample } from '../measure/guest-work.ts';

/** A stretch of host time. */
export interface Window {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Requests that lie wholly in one of the windows. Stamps of samples are host time. */
export function inside(samples: readonly RequestSample[], windows: readonly Window[]): number[] {
  return samples
    .filter(({ start_ms, latency_ms }) =>
      windows.some(({ from_ms, to_ms }) => start_ms >= from_ms && start_ms + latency_ms <= to_ms),
    )
    .map(({ latency_ms }) => latency_ms);
}

/** Requests of which at least a part lies in one of the windows. */
export function touching(samples: readonly RequestSample[], windows: readonly Window[]): number[] {
  return samples.filter((one) => isTouching(one, windows)).map(({ latency_ms }) => latency_ms);
}

export function isTouching(
  { start_ms, latency_ms }: RequestSample,
  windows: readonly Window[],
): boolean {
  return windows.some(({ from_ms, to_ms }) => start_ms < to_ms && start_ms + latency_ms > from_ms);
}

/**
 * Windows of the given lengths in quiet time, where nothing is unplugged. A long request is more
 * likely to meet a window than a short one, so what meets an unplug can only be compared with what
 * meets one of these. They are `gap_ms` apart on average.
 */
export function shamWindows(
  quiet: readonly Window[],
  lengths_ms: readonly number[],
  gap_ms: number,
  random: () => number,
): Window[] {
  const windows: Window[] = [];
  if (lengths_ms.length === 0) return windows;
  for (const { from_ms, to_ms } of quiet) {
    let start_ms = from_ms + random() * 2 * gap_ms;
    for (;;) {
      const end_ms = start_ms + (lengths_ms[windows.length % lengths_ms.length] ?? 0);
      if (end_ms > to_ms) break;
      windows.push({ from_ms: start_ms, to_ms: end_ms });
      start_ms = end_ms + random() * 2 * gap_ms;
    }
  }
  return windows;
}
