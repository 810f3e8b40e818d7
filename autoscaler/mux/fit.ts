/**
 * Coefficients of a shape from what was measured: the least squares of the errors as shares of each
 * peak, with none below 0, since no memory is taken back by more input. Pure.
 */
import { evaluate } from '../../agent/expression/bounds.ts';
import { parseExpression } from '../../agent/expression/expression.ts';
import { numberOfRational, type Rational, rationalOf } from '../../agent/expression/rational.ts';
import { muxError } from './errors.ts';
import { MUX_LIMITS } from './limits.ts';

/** One call that was measured. */
export interface MeasuredCall {
  readonly inputs: Readonly<Record<string, number>>;
  readonly peak_bytes: number;
}

export interface FittedTerm {
  readonly product: string;
  /** Bytes of one of it. */
  readonly bytes: number;
}

export interface Fit {
  readonly terms: readonly FittedTerm[];
  /** What is there whatever the input: runtime and libraries. */
  readonly base_bytes: number;
  readonly points: number;
  /** Of each point, as a share of its peak; above 0: too much is said. */
  readonly residuals: readonly number[];
}

/** So many points more than coefficients: with none to spare every curve fits. */
const POINTS_TO_SPARE = 2;
/** A column that others make up to this share of its length tells nothing of its own. */
const DEPENDENT = 1e-6;

/** Throws HP_MUX_POINTS for too few, or such as do not tell the products apart. */
export function fitShape(shape: readonly string[], points: readonly MeasuredCall[]): Fit {
  const wanted = shape.length + 1 + POINTS_TO_SPARE;
  if (points.length < wanted) {
    throw tooFew(
      `${points.length} points are too few for ${shape.length + 1} coefficients`,
      wanted,
    );
  }
  if (points.length > MUX_LIMITS.points) {
    throw tooFew(`${points.length} points are more than ${MUX_LIMITS.points}`, wanted);
  }
  const rows = points.map((point) => [1, ...shape.map((product) => valueOf(product, point))]);
  let kept = rows[0]?.map((_, index) => index) ?? [];
  for (;;) {
    const solved = solve(rows, points, kept, shape);
    // The one that is furthest below 0 is left out, and the rest is fitted anew.
    const [worst] = solved.filter(({ share }) => share < 0).toSorted((a, b) => a.share - b.share);
    if (!worst) return fitOf(shape, points, rows, solved);
    kept = kept.filter((index) => index !== worst.index);
  }
}

interface Solved {
  /** Of the column. */
  readonly index: number;
  readonly bytes: number;
  /** Of what it is of the peaks, on average. */
  readonly share: number;
}

function solve(
  rows: readonly (readonly number[])[],
  points: readonly MeasuredCall[],
  kept: readonly number[],
  shape: readonly string[],
): Solved[] {
  // Each row is divided by its peak: an error counts as a share of it.
  const weighted = rows.map((row, at) =>
    kept.map((index) => (row[index] ?? 0) / peakOf(points, at)),
  );
  const lengths = kept.map((_, at) => Math.hypot(...weighted.map((row) => row[at] ?? 0)));
  const columns = kept.map((index, at) => {
    const length = lengths[at] ?? 0;
    if (length === 0) throw dependent(index, shape);
    return weighted.map((row) => (row[at] ?? 0) / length);
  });
  const result = leastSquares(columns, (at) => dependent(kept[at] ?? 0, shape));
  return kept.map((index, at) => {
    const bytes = (result[at] ?? 0) / (lengths[at] ?? 1);
    return { index, bytes, share: result[at] ?? 0 };
  });
}

/** Modified Gram-Schmidt for a right side of ones. Throws `dependentAt` a column of the others. */
function leastSquares(
  columns: readonly (readonly number[])[],
  dependentAt: (at: number) => Error,
): number[] {
  const size = columns.length;
  const upper: number[][] = [];
  const orthogonal: number[][] = [];
  let rest = (columns[0] ?? []).map(() => 1);
  const sides: number[] = [];
  for (const [at, column] of columns.entries()) {
    let left = [...column];
    const factors: number[] = [];
    for (const one of orthogonal) {
      const factor = dot(one, left);
      left = left.map((value, row) => value - factor * (one[row] ?? 0));
      factors.push(factor);
    }
    const length = Math.hypot(...left);
    if (length < DEPENDENT) throw dependentAt(at);
    const unit = left.map((value) => value / length);
    orthogonal.push(unit);
    upper.push([...factors, length]);
    const side = dot(unit, rest);
    rest = rest.map((value, row) => value - side * (unit[row] ?? 0));
    sides.push(side);
  }
  const result = Array.from({ length: size }, () => 0);
  for (let at = size - 1; at >= 0; at -= 1) {
    let sum = sides[at] ?? 0;
    for (let later = at + 1; later < size; later += 1) {
      sum -= (upper[later]?.[at] ?? 0) * (result[later] ?? 0);
    }
    result[at] = sum / (upper[at]?.[at] ?? 1);
  }
  return result;
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);

function fitOf(
  shape: readonly string[],
  points: readonly MeasuredCall[],
  rows: readonly (readonly number[])[],
  solved: readonly Solved[],
): Fit {
  const of = new Map(solved.map(({ index, bytes }) => [index, bytes]));
  const base_bytes = Math.ceil(of.get(0) ?? 0);
  const terms = shape.flatMap((product, at) => {
    const bytes = roundedUp(of.get(at + 1) ?? 0);
    return bytes > 0 ? [{ product, bytes, column: at + 1 }] : [];
  });
  const residuals = rows.map((row, at) => {
    const said = terms.reduce(
      (sum, { bytes, column }) => sum + bytes * (row[column] ?? 0),
      base_bytes,
    );
    return said / peakOf(points, at) - 1;
  });
  const told = terms.map(({ product, bytes }) => ({ product, bytes }));
  return { terms: told, base_bytes, points: points.length, residuals };
}

/** To six digits, which is more than measuring gives; never less than was found. */
function roundedUp(bytes: number): number {
  if (bytes <= 0) return 0;
  const step = 10 ** (Math.floor(Math.log10(bytes)) - 5);
  return Number((Math.ceil(bytes / step) * step).toPrecision(6));
}

function peakOf(points: readonly MeasuredCall[], at: number): number {
  return points[at]?.peak_bytes ?? 1;
}

/** Throws HP_MUX_POINTS where a point has not what the shape asks for. */
function valueOf(product: string, { inputs }: MeasuredCall): number {
  const values = new Map<string, Rational>();
  for (const [name, value] of Object.entries(inputs)) {
    const exact = rationalOf(value);
    if (exact) values.set(name, exact);
  }
  return numberOfRational(evaluate(parseExpression(product), values));
}

function dependent(index: number, shape: readonly string[]): Error {
  const what = index === 0 ? 'the base' : `'${shape[index - 1] ?? ''}'`;
  return muxError('HP_MUX_POINTS', `The points do not tell ${what} from the rest of the shape.`);
}

function tooFew(why: string, wanted: number): Error {
  return muxError('HP_MUX_POINTS', `${why}; ${wanted} are the least.`, { details: { wanted } });
}
