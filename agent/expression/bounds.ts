/**
 * The value of a polynomial, and bounds of all its values while each symbol stays in a range: by
 * interval arithmetic, exact where the polynomial only rises or falls in each symbol. Pure.
 */
import { expressionError } from './errors.ts';
import {
  add,
  type Atom,
  constant,
  type Factor,
  multiply,
  NOTHING,
  type Polynomial,
  raise,
  symbol,
  symbolsOf,
} from './polynomial.ts';
import {
  ceilRational,
  compareOf,
  floorRational,
  ONE,
  plusOf,
  type Rational,
  rational,
  timesOf,
  ZERO,
} from './rational.ts';

/** From and to, both included. */
export interface Interval {
  readonly low: Rational;
  readonly high: Rational;
}

/** Throws HP_MUX_PARAMETER for a symbol without a value. */
export function evaluate(a: Polynomial, values: ReadonlyMap<string, Rational>): Rational {
  const ranges = new Map([...values].map(([name, one]) => [name, { low: one, high: one }]));
  return naturalBounds(a, ranges).low;
}

/** Bounds of every value of `a`. Throws HP_MUX_UNBOUNDED for a symbol without a range. */
export function intervalOf(a: Polynomial, ranges: ReadonlyMap<string, Interval>): Interval {
  for (const name of symbolsOf(a)) {
    if (ranges.has(name)) continue;
    throw expressionError('HP_MUX_UNBOUNDED', `'${name}' has no declared range.`, {
      details: { name },
    });
  }
  const natural = naturalBounds(a, ranges);
  const corners = cornersOf(a, ranges);
  if (!corners) return natural;
  return { low: evaluate(a, corners.low), high: evaluate(a, corners.high) };
}

/** Where `a` is least and greatest, if it only rises or falls in each symbol; else null. */
function cornersOf(
  a: Polynomial,
  ranges: ReadonlyMap<string, Interval>,
): { readonly low: Map<string, Rational>; readonly high: Map<string, Rational> } | null {
  const low = new Map<string, Rational>();
  const high = new Map<string, Rational>();
  for (const name of symbolsOf(a)) {
    const slope = slopeOf(a, name);
    const range = ranges.get(name);
    if (slope === null || !range) return null;
    const steep = naturalBounds(slope, ranges);
    const rises = steep.low.over >= 0n;
    if (!rises && steep.high.over > 0n) return null;
    low.set(name, rises ? range.low : range.high);
    high.set(name, rises ? range.high : range.low);
  }
  return { low, high };
}

/** The derivative; null where a max, min, ceil or floor has none. */
function slopeOf(a: Polynomial, name: string): Polynomial | null {
  let sum = NOTHING;
  for (const { coefficient, factors } of a.terms) {
    if (factors.some(({ atom }) => atom.kind !== 'symbol')) return null;
    const power = factors.find(({ text }) => text === name)?.power ?? 0;
    if (power === 0) continue;
    let term = constant(timesOf(coefficient, rational(BigInt(power))));
    for (const factor of factors) {
      const less = factor.text === name ? 1 : 0;
      term = multiply(term, raise(symbol(factor.text), factor.power - less));
    }
    sum = add(sum, term);
  }
  return sum;
}

function naturalBounds(a: Polynomial, ranges: ReadonlyMap<string, Interval>): Interval {
  let sum: Interval = { low: ZERO, high: ZERO };
  for (const { coefficient, factors } of a.terms) {
    let product: Interval = { low: coefficient, high: coefficient };
    for (const factor of factors) product = timesInterval(product, powerOf(factor, ranges));
    sum = { low: plusOf(sum.low, product.low), high: plusOf(sum.high, product.high) };
  }
  return sum;
}

function powerOf({ atom, power }: Factor, ranges: ReadonlyMap<string, Interval>): Interval {
  const base = atomBounds(atom, ranges);
  const low = powerOfNumber(base.low, power);
  const high = powerOfNumber(base.high, power);
  if (power % 2 === 1 || base.low.over >= 0n) return { low, high };
  if (base.high.over <= 0n) return { low: high, high: low };
  return { low: ZERO, high: compareOf(low, high) > 0 ? low : high };
}

function powerOfNumber(value: Rational, power: number): Rational {
  let result = ONE;
  for (let count = 0; count < power; count++) result = timesOf(result, value);
  return result;
}

function atomBounds(atom: Atom, ranges: ReadonlyMap<string, Interval>): Interval {
  if (atom.kind === 'symbol') {
    const range = ranges.get(atom.name);
    if (range) return range;
    const { name } = atom;
    throw expressionError('HP_MUX_PARAMETER', `'${name}' has no value.`, { details: { name } });
  }
  const all = atom.of.map((one) => naturalBounds(one, ranges));
  const [first = { low: ZERO, high: ZERO }, ...rest] = all;
  if (atom.kind === 'ceil') return { low: ceilRational(first.low), high: ceilRational(first.high) };
  if (atom.kind === 'floor')
    return { low: floorRational(first.low), high: floorRational(first.high) };
  const sign = atom.kind === 'max' ? 1 : -1;
  const pick = (x: Rational, y: Rational): Rational => (sign * compareOf(x, y) >= 0 ? x : y);
  return rest.reduce(
    (best, one) => ({ low: pick(best.low, one.low), high: pick(best.high, one.high) }),
    first,
  );
}

function timesInterval(a: Interval, b: Interval): Interval {
  const products = [a.low, a.high].flatMap((x) => [timesOf(x, b.low), timesOf(x, b.high)]);
  const sorted = products.toSorted(compareOf);
  return { low: sorted[0] ?? ZERO, high: sorted.at(-1) ?? ZERO };
}
