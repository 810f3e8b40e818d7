/**
 * Sizes as polynomials over named symbols, with max, min, ceil and floor as further factors. There
 * is one form of each, sorted and reduced, and one way to print it: two are equal exactly when
 * their texts are. Coefficients are exact. Pure.
 */
import { expressionError } from './errors.ts';
import { EXPRESSION_LIMITS } from './limits.ts';
import {
  ceilRational,
  compareOf,
  floorRational,
  negated,
  ONE,
  plusOf,
  printRational,
  type Rational,
  rational,
  timesOf,
  ZERO,
} from './rational.ts';

/** What is not looked into further: a name, or a function of polynomials. */
export type Atom =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'max' | 'min' | 'ceil' | 'floor'; readonly of: readonly Polynomial[] };

export interface Factor {
  /** The atom as it is printed, by which factors are sorted and compared. */
  readonly text: string;
  readonly atom: Atom;
  readonly power: number;
}

/** A coefficient, never 0, times factors in the order of their texts. */
export interface Monomial {
  readonly coefficient: Rational;
  readonly factors: readonly Factor[];
  /** The factors as they are printed; '' for a constant. */
  readonly text: string;
}

export interface Polynomial {
  /** Highest degree first, then by text. */
  readonly terms: readonly Monomial[];
  /** Canonical. */
  readonly text: string;
}

export const NOTHING: Polynomial = { terms: [], text: '0' };

export function constant(value: Rational | number | bigint): Polynomial {
  const coefficient = typeof value === 'object' ? value : rational(BigInt(value));
  return made([{ coefficient, factors: [], text: '' }]);
}

export function symbol(name: string): Polynomial {
  return ofAtom({ kind: 'symbol', name }, name);
}

export function add(a: Polynomial, b: Polynomial): Polynomial {
  return made([...a.terms, ...b.terms]);
}

export function subtract(a: Polynomial, b: Polynomial): Polynomial {
  return add(a, scale(b, rational(-1n)));
}

export function scale(a: Polynomial, by: Rational): Polynomial {
  return made(a.terms.map((one) => ({ ...one, coefficient: timesOf(one.coefficient, by) })));
}

/** Throws HP_MUX_OVERFLOW where the product has more terms or factors than are counted with. */
export function multiply(a: Polynomial, b: Polynomial): Polynomial {
  if (a.terms.length * b.terms.length > EXPRESSION_LIMITS.terms ** 2) throw tooLarge('terms');
  return made(a.terms.flatMap((x) => b.terms.map((y) => timesMonomial(x, y))));
}

export function raise(a: Polynomial, power: number): Polynomial {
  let result = constant(1);
  for (let count = 0; count < power; count++) result = multiply(result, a);
  return result;
}

/** The value, where it is a constant; else null. */
export function constantOf({ terms }: Polynomial): Rational | null {
  const [only] = terms;
  if (!only) return ZERO;
  return terms.length === 1 && only.text === '' ? only.coefficient : null;
}

/** max or min of some: one of a text is enough, inner ones of the kind are taken apart. */
export function extreme(kind: 'max' | 'min', of: readonly Polynomial[]): Polynomial {
  const flat = of.flatMap((one) => innerOf(kind, one) ?? [one]);
  const values = flat.map(constantOf).filter((one) => one !== null);
  const sign = kind === 'max' ? 1 : -1;
  const best = values.toSorted((a, b) => sign * compareOf(b, a)).slice(0, 1);
  const others = flat.filter((one) => constantOf(one) === null);
  const all = [...others, ...best.map(constant)];
  const unlike = [...new Map(all.map((one) => [one.text, one])).values()];
  const sorted = unlike.toSorted((a, b) => (a.text < b.text ? -1 : 1));
  const [only] = sorted;
  if (sorted.length === 1 && only) return only;
  return ofAtom({ kind, of: sorted }, `${kind}(${sorted.map(({ text }) => text).join(', ')})`);
}

/** A whole number that is not below, or not above. */
export function whole(kind: 'ceil' | 'floor', of: Polynomial): Polynomial {
  const value = constantOf(of);
  if (value) return constant(kind === 'ceil' ? ceilRational(value) : floorRational(value));
  return ofAtom({ kind, of: [of] }, `${kind}(${of.text})`);
}

/** Every symbol in it, also inside max, min, ceil and floor. */
export function symbolsOf(a: Polynomial): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { atom } of a.terms.flatMap(({ factors }) => factors)) {
    if (atom.kind === 'symbol') found.add(atom.name);
    else for (const name of atom.of.flatMap((one) => [...symbolsOf(one)])) found.add(name);
  }
  return found;
}

/** Puts a polynomial in the place of each symbol it is given for; null leaves the symbol. */
export function substitute(
  a: Polynomial,
  valueOf: (name: string) => Polynomial | null,
): Polynomial {
  let sum = NOTHING;
  for (const { coefficient, factors } of a.terms) {
    let product = constant(coefficient);
    for (const { atom, power } of factors) {
      product = multiply(product, raise(substituteAtom(atom, valueOf), power));
    }
    sum = add(sum, product);
  }
  return sum;
}

function substituteAtom(atom: Atom, valueOf: (name: string) => Polynomial | null): Polynomial {
  if (atom.kind === 'symbol') return valueOf(atom.name) ?? symbol(atom.name);
  const of = atom.of.map((one) => substitute(one, valueOf));
  const [first = NOTHING] = of;
  return atom.kind === 'max' || atom.kind === 'min'
    ? extreme(atom.kind, of)
    : whole(atom.kind, first);
}

/**
 * The larger of sizes whose symbols are counts and sizes, so never below 0: what another exceeds in
 * every coefficient is left out, the rest is joined by max.
 */
export function largest(of: readonly Polynomial[]): Polynomial {
  const kept: Polynomial[] = [];
  for (const one of of.flatMap((each) => innerOf('max', each) ?? [each])) {
    if (kept.some((other) => isAtLeast(other, one))) continue;
    const rest = kept.filter((other) => !isAtLeast(one, other));
    kept.splice(0, kept.length, ...rest, one);
  }
  return kept.length === 0 ? NOTHING : extreme('max', kept);
}

/** Whether `a` is nowhere below `b`, for symbols that are never below 0, as far as is seen. */
export function isAtLeast(a: Polynomial, b: Polynomial): boolean {
  return subtract(a, b).terms.every(({ coefficient }) => coefficient.over > 0n);
}

/** The parts of what is nothing but one max (or min); else null. */
function innerOf(kind: 'max' | 'min', { terms }: Polynomial): readonly Polynomial[] | null {
  const [term] = terms;
  const [factor] = term?.factors ?? [];
  if (!term || !factor || terms.length > 1 || term.factors.length > 1) return null;
  if (factor.power !== 1 || compareOf(term.coefficient, ONE) !== 0) return null;
  return factor.atom.kind === kind ? factor.atom.of : null;
}

function ofAtom(atom: Atom, text: string): Polynomial {
  return made([{ coefficient: ONE, factors: [{ text, atom, power: 1 }], text }]);
}

function timesMonomial(x: Monomial, y: Monomial): Monomial {
  const powers = new Map<string, Factor>();
  for (const factor of [...x.factors, ...y.factors]) {
    const known = powers.get(factor.text)?.power ?? 0;
    powers.set(factor.text, { ...factor, power: known + factor.power });
  }
  const factors = [...powers.values()].toSorted((a, b) => (a.text < b.text ? -1 : 1));
  if (degreeOf(factors) > EXPRESSION_LIMITS.degree) throw tooLarge('degree');
  const text = factors.map(printFactor).join('*');
  return { coefficient: timesOf(x.coefficient, y.coefficient), factors, text };
}

function degreeOf(factors: readonly Factor[]): number {
  return factors.reduce((sum, { power }) => sum + power, 0);
}

function printFactor({ text, power }: Factor): string {
  return power > 3 ? `${text}^${power}` : Array.from({ length: power }, () => text).join('*');
}

/** Adds up terms of one text, drops what came to nothing, sorts and prints. */
function made(terms: readonly Monomial[]): Polynomial {
  const sums = new Map<string, Monomial>();
  for (const term of terms) {
    const known = sums.get(term.text);
    const coefficient = known ? plusOf(known.coefficient, term.coefficient) : term.coefficient;
    sums.set(term.text, { ...term, coefficient });
  }
  const sorted = [...sums.values()]
    .filter(({ coefficient }) => coefficient.over !== 0n)
    .toSorted((a, b) => degreeOf(b.factors) - degreeOf(a.factors) || (a.text < b.text ? -1 : 1));
  if (sorted.length > EXPRESSION_LIMITS.terms) throw tooLarge('terms');
  return sorted.length === 0 ? NOTHING : { terms: sorted, text: printTerms(sorted) };
}

function printTerms(terms: readonly Monomial[]): string {
  let text = '';
  for (const { coefficient, text: factors } of terms) {
    const is_below = coefficient.over < 0n;
    const size = is_below ? negated(coefficient) : coefficient;
    const lead = text === '' ? (is_below ? '-' : '') : is_below ? ' - ' : ' + ';
    const number = printRational(size);
    text += lead + (factors === '' ? number : number === '1' ? factors : `${number} * ${factors}`);
  }
  return text;
}

function tooLarge(what: 'terms' | 'degree'): Error {
  return expressionError(
    'HP_MUX_OVERFLOW',
    `An expression has more than ${EXPRESSION_LIMITS[what]} ${what}.`,
  );
}
