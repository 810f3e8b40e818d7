/** A course of memory as something the emulated function can do. Pure. */
import { PHASES_MAX, type Work } from '../../agent/model/work.ts';

import type { MemoryPhase, MemorySeries } from './memory-series.ts';

/** How a series is played: its time and its memory, each times so much. */
export interface SeriesScale {
  readonly time: number;
  readonly memory: number;
}

/**
 * One invocation that uses memory as the series did. An emulation takes a bounded number of
 * phases: those that differ least from the one before are left out, which is told as the larger of
 * the two, so that no peak is lost.
 */
export function workOfSeries(series: MemorySeries, { time, memory }: SeriesScale): Work {
  const [first, ...rest] = merged(series.phases, PHASES_MAX + 1);
  const bytesOf = ({ anonymous_bytes }: MemoryPhase): number =>
    Math.round(anonymous_bytes * memory);
  return {
    anonymous_bytes: first ? bytesOf(first) : 0,
    file_bytes: 0,
    cpu_ms: 0,
    wall_ms: series.duration_ms * time,
    phases: rest.map((phase) => ({
      at_ms: phase.at_ms * time,
      anonymous_bytes: bytesOf(phase),
    })),
  };
}

/** At most `most` of them. */
function merged(phases: readonly MemoryPhase[], most: number): MemoryPhase[] {
  const kept = [...phases];
  while (kept.length > most) {
    let least = 1;
    for (let index = 2; index < kept.length; index += 1) {
      if (stepAt(kept, index) < stepAt(kept, least)) least = index;
    }
    const [before, dropped] = [kept[least - 1], kept[least]];
    if (!before || !dropped) break;
    const anonymous_bytes = Math.max(before.anonymous_bytes, dropped.anonymous_bytes);
    kept.splice(least - 1, 2, { at_ms: before.at_ms, anonymous_bytes });
  }
  return kept;
}

function stepAt(phases: readonly MemoryPhase[], index: number): number {
  const before = phases[index - 1]?.anonymous_bytes ?? 0;
  return Math.abs((phases[index]?.anonymous_bytes ?? 0) - before);
}
