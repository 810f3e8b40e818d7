/**
 * Which real program stands for which function of a trace: the one that is nearest in time and
 * memory, in calls that take as long as the function's. Every program has its turn before one comes
 * twice. Pure.
 */
import { assert } from '../../base/assert.ts';
import { callMs, sizeFor, valueAt } from './program-curve.ts';
import type { ProgramCosts } from './program-costs.ts';

export interface FunctionToMatch {
  /** Durations that say how its calls are, such as their quartiles. */
  readonly durations_ms: readonly number[];
  /** What its instances may have. */
  readonly limit_bytes: number;
}

/** Beyond what one call takes, an instance keeps some of its memory free. */
const MOST_OF_LIMIT = 0.75;

/** A time that cannot be had makes another load; memory that is not touched is only not used. */
const TIME_COUNTS = 4;

/** Programs in the order of the functions; with fewer programs than functions some come again. */
export function matchPrograms(
  functions: readonly FunctionToMatch[],
  programs: readonly ProgramCosts[],
): ProgramCosts[] {
  assert(programs.length > 0, 'there are programs to match');
  let left = [...programs];
  return functions.map((one) => {
    if (left.length === 0) left = [...programs];
    const best = left.reduce((a, b) => (distance(one, b) < distance(one, a) ? b : a));
    left = left.filter((program) => program !== best);
    return best;
  });
}

/** The greatest size that leaves an instance of that memory some of it; 1: none does. */
export function sizeWithin({ points }: ProgramCosts, limit_bytes: number): number {
  const most_bytes = limit_bytes * MOST_OF_LIMIT;
  const at = points.findLastIndex(({ peak_bytes }) => peak_bytes <= most_bytes);
  const [last, next] = [points[at], points[at + 1]];
  if (!last || !next) return last?.size ?? 1;
  const ends = [last, next].map((one) => [one.peak_bytes, one.size] as const);
  return Math.floor(valueAt(ends, most_bytes));
}

/** Memory of a call of that size, the runtime's own among it. */
export function peakBytes({ points }: ProgramCosts, size: number): number {
  return Math.round(
    valueAt(
      points.map((one) => [one.size, one.peak_bytes]),
      size,
    ),
  );
}

/** As factors apart, both what it needs and what it takes: half as much is as far as twice. */
function distance({ durations_ms, limit_bytes }: FunctionToMatch, program: ProgramCosts): number {
  const most_size = sizeWithin(program, limit_bytes);
  const apart = durations_ms.map((wanted_ms) => {
    const size = Math.min(sizeFor(program, wanted_ms), most_size);
    const memory = Math.abs(Math.log(peakBytes(program, size) / limit_bytes));
    return memory + TIME_COUNTS * Math.abs(Math.log(callMs(program, size) / wanted_ms));
  });
  return apart.reduce((sum, one) => sum + one, 0);
}
