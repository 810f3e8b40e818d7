/**
 * Program curve: how long a call of a real program takes by its size, from a few measured calls,
 * and which size takes so long. Straight between two measured calls on logarithmic axes, on which a
 * power of the size is straight. Beyond them nothing is guessed. Pure.
 */
import { assert } from '../../base/assert.ts';

export interface CurvePoint {
  readonly size: number;
  readonly ms: number;
}

export interface ProgramCurve {
  /** By size, each longer than the one before it. */
  readonly points: readonly CurvePoint[];
}

/**
 * Of measured calls in any order. What else the host does makes calls longer and never shorter, so
 * of two sizes whose times are the wrong way round the smaller one was disturbed, and is left out.
 */
export function curveOf(measured: readonly CurvePoint[]): ProgramCurve {
  const points: CurvePoint[] = [];
  for (const one of measured.toSorted((a, b) => b.size - a.size || a.ms - b.ms)) {
    const larger = points.at(-1);
    if (one.ms > 0 && (!larger || (one.size < larger.size && one.ms < larger.ms))) points.push(one);
  }
  assert(points.length > 0, 'a curve has a call that took some time');
  return { points: points.toReversed() };
}

/** The whole size whose call takes nearest to `ms`; the least or greatest one beyond the curve. */
export function sizeFor({ points }: ProgramCurve, ms: number): number {
  const size = valueAt(
    points.map((one) => [one.ms, one.size]),
    ms,
  );
  return Math.max(1, Math.round(size));
}

/** How long a call of that size takes alone; the shortest or longest one beyond the curve. */
export function callMs({ points }: ProgramCurve, size: number): number {
  return valueAt(
    points.map((one) => [one.size, one.ms]),
    size,
  );
}

/** Within the curve, and so with a size of its own. */
export function isInReach({ points }: ProgramCurve, ms: number): boolean {
  return ms >= (points[0]?.ms ?? Infinity) && ms <= (points.at(-1)?.ms ?? -Infinity);
}

/** The value at `x` of what rises through the points, its ends held. */
export function valueAt(points: readonly (readonly [number, number])[], x: number): number {
  const after = points.findIndex(([at]) => at >= x);
  const [right, left] = [points[after], points[after - 1]];
  if (!right) return points.at(-1)?.[1] ?? Number.NaN;
  if (!left) return right[1];
  const share = Math.log(x / left[0]) / Math.log(right[0] / left[0]);
  return left[1] * (right[1] / left[1]) ** share;
}
