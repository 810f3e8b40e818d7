/** The course of memory during one invocation, which no trace of invocations tells. Pure. */
import type { Work } from '../../agent/model/work.ts';
import { TRAINING_SERIES } from '../trace/made-series.ts';
import { peakOf } from '../trace/memory-series.ts';
import { workOfSeries } from '../trace/series-work.ts';

/** All of it from start to end; or loaded, split, trained on and validated (ReSC's example). */
export const COURSES = ['flat', 'train'] as const;
export type Course = (typeof COURSES)[number];

/** What an invocation uses that has `peak_bytes` at its most and lasts so long (ms). */
export function courseOf(
  course: Course,
  peak_bytes: number,
  duration_ms: number,
): Pick<Work, 'anonymous_bytes' | 'phases'> {
  if (course === 'flat' || duration_ms <= 0) return { anonymous_bytes: peak_bytes };
  const time = duration_ms / TRAINING_SERIES.duration_ms;
  const memory = peak_bytes / peakOf(TRAINING_SERIES);
  const { anonymous_bytes, phases = [] } = workOfSeries(TRAINING_SERIES, { time, memory });
  return { anonymous_bytes, phases };
}
