/** Exact fractions, so that a coefficient is never rounded: 1/3 of n stays so. Pure. */
import { assert } from '../../base/assert.ts';
import { expressionError } from './errors.ts';
import { EXPRESSION_LIMITS } from './limits.ts';

/** A fraction in lowest terms; the denominator is above 0. */
export interface Rational {
  readonly over: bigint;
  readonly under: bigint;
}

const BIGGEST = 2n ** BigInt(EXPRESSION_LIMITS.coefficient_bits);

/** Reduces `over / under`. Throws HP_MUX_OVERFLOW for what has more bits than is counted with. */
export function rational(over: bigint, under = 1n): Rational {
  assert(under !== 0n, 'nothing is divided by 0');
  const divisor = greatestDivisor(over < 0n ? -over : over, under < 0n ? -under : under);
  const sign = under < 0n ? -1n : 1n;
  const reduced = { over: (sign * over) / divisor, under: (sign * under) / divisor };
  if (reduced.over >= BIGGEST || reduced.over <= -BIGGEST || reduced.under >= BIGGEST) {
    const bits = EXPRESSION_LIMITS.coefficient_bits;
    throw expressionError(
      'HP_MUX_OVERFLOW',
      `A number of the expression has more than ${bits} bits.`,
    );
  }
  return reduced;
}

export const ZERO = rational(0n);
export const ONE = rational(1n);

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,3}))?$/i;

/** The exact value of a decimal as people and JSON write it; null when it is none. */
export function parseRational(text: string): Rational | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const [, sign, whole = '', part = '', power = '0'] = match;
  const shift = Number(power) - part.length;
  const digits = BigInt(`${whole}${part}`) * (sign === '-' ? -1n : 1n);
  return shift >= 0
    ? rational(digits * 10n ** BigInt(shift))
    : rational(digits, 10n ** BigInt(-shift));
}

/** The exact value of what JavaScript prints of a number; null for what is not finite. */
export function rationalOf(value: number): Rational | null {
  return Number.isFinite(value) ? parseRational(String(value)) : null;
}

export function plusOf(a: Rational, b: Rational): Rational {
  return rational(a.over * b.under + b.over * a.under, a.under * b.under);
}

export function timesOf(a: Rational, b: Rational): Rational {
  return rational(a.over * b.over, a.under * b.under);
}

export function negated(a: Rational): Rational {
  return { over: -a.over, under: a.under };
}

/** Below 0, 0 or above 0, as `a` is less than, equal to or more than `b`. */
export function compareOf(a: Rational, b: Rational): number {
  const difference = a.over * b.under - b.over * a.under;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The smallest whole number that is not below `a`. */
export function ceilRational(a: Rational): Rational {
  const down = floorRational(a);
  return compareOf(down, a) === 0 ? down : plusOf(down, ONE);
}

/** The greatest whole number that is not above `a`. */
export function floorRational(a: Rational): Rational {
  const cut = a.over / a.under;
  return rational(a.over < 0n && cut * a.under !== a.over ? cut - 1n : cut);
}

/** `7`, `-1/3`. */
export function printRational(a: Rational): string {
  return a.under === 1n ? `${a.over}` : `${a.over}/${a.under}`;
}

/** The nearest number of JavaScript. */
export function numberOfRational(a: Rational): number {
  return Number(a.over) / Number(a.under);
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  let [high, low] = [a, b];
  while (low !== 0n) [high, low] = [low, high % low];
  return high === 0n ? 1n : high;
}
