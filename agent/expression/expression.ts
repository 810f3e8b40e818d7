/**
 * The language of memory expressions: numbers with units, names, + - * / ^, max, min, ceil, floor.
 * A text becomes a polynomial at once, whose printed form is the same expression again. Nothing is
 * executed. Pure.
 *
 *   expression  term { (+ | -) term }
 *   term        power { (* | /) power }            what divides is a number
 *   power       [-] value [ ^ number ]
 *   value       number [B | KiB | MiB | GiB] | name | call | ( expression )
 *   call        (max | min | ceil | floor) ( expression { , expression } ) | name ( name )
 *
 * A name may have dots; `sizeof(float)` and `size(object.key)` are names too. Bytes are units: a
 * number without one adapts, bytes times bytes are refused.
 */
import { GIB, KIB, MIB } from '../../base/units.ts';
import { expressionError } from './errors.ts';
import { EXPRESSION_LIMITS } from './limits.ts';
import {
  add,
  constant,
  constantOf,
  extreme,
  multiply,
  type Polynomial,
  raise,
  scale,
  subtract,
  symbol,
  whole,
} from './polynomial.ts';
import { parseRational, type Rational, rational } from './rational.ts';

export type SymbolUnit = 'count' | 'bytes';

/** An element of an array by its name: of NumPy, whose `float` is that of C's double. */
const SIZEOF_BYTES: Readonly<Record<string, number>> = {
  'sizeof(float)': 8,
  'sizeof(float64)': 8,
  'sizeof(float32)': 4,
  'sizeof(int64)': 8,
  'sizeof(int32)': 4,
  'sizeof(uint8)': 1,
};

/** Bytes of a unit that a number may have. */
export const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KiB: KIB, MiB: MIB, GiB: GIB };

/** What a name stands for; null: it is none. */
export type SymbolLookup = (name: string) => SymbolUnit | null;

/**
 * Reads an expression in bytes. Throws HP_MUX_SYNTAX and HP_MUX_UNIT with the place in the text,
 * HP_MUX_OVERFLOW.
 */
export function parseExpression(text: string, lookup: SymbolLookup = () => 'count'): Polynomial {
  if (text.length > EXPRESSION_LIMITS.expression_chars) {
    const most = EXPRESSION_LIMITS.expression_chars;
    const message = `An expression has ${text.length} characters; ${most} are the most.`;
    throw expressionError('HP_MUX_SYNTAX', message);
  }
  const reader = new Reader(text, lookup);
  const { value, power } = reader.expression(0);
  reader.end();
  if (power !== null && power !== 0 && power !== 1) {
    throw reader.unitError(`The expression is in bytes^${power}, not in bytes`, 0);
  }
  return value;
}

/** A value, and the power of bytes it is in; null: a bare number, which adapts. */
interface Measured {
  readonly value: Polynomial;
  readonly power: number | null;
}

interface Token {
  readonly kind: 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
  /** Of the first character, from 0. */
  readonly from: number;
}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?)|([A-Za-z_]\w*(?:\.\w+)*)|([-+*/^(),]))/iy;
const FUNCTIONS: ReadonlySet<string> = new Set(['max', 'min', 'ceil', 'floor']);

class Reader {
  readonly #text: string;
  readonly #lookup: SymbolLookup;
  #token: Token;
  #at = 0;

  constructor(text: string, lookup: SymbolLookup) {
    this.#text = text;
    this.#lookup = lookup;
    this.#token = this.#next();
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#unexpected('the end');
  }

  expression(depth: number): Measured {
    if (depth > EXPRESSION_LIMITS.expression_depth) {
      const most = EXPRESSION_LIMITS.expression_depth;
      throw this.#error(`More than ${most} parentheses inside each other`, this.#token.from);
    }
    let sum = this.#term(depth);
    while (this.#token.text === '+' || this.#token.text === '-') {
      const { text, from } = this.#take();
      const next = this.#term(depth);
      const value = text === '+' ? add(sum.value, next.value) : subtract(sum.value, next.value);
      sum = { value, power: this.#common(sum, next, from) };
    }
    return sum;
  }

  #term(depth: number): Measured {
    let product = this.#power(depth);
    while (this.#token.text === '*' || this.#token.text === '/') {
      const { text, from } = this.#take();
      const next = this.#power(depth);
      product = text === '*' ? timesMeasured(product, next) : this.#divide(product, next, from);
    }
    return product;
  }

  #divide(a: Measured, b: Measured, from: number): Measured {
    const divisor = constantOf(b.value);
    if (!divisor) throw this.#error('What divides is no number', from + 1);
    if (divisor.over === 0n) throw this.#error('Nothing is divided by 0', from + 1);
    const value = scale(a.value, rational(divisor.under, divisor.over));
    const power = b.power === null ? a.power : (a.power ?? 0) - b.power;
    return { value, power };
  }

  #power(depth: number): Measured {
    if (this.#token.text === '-') {
      this.#take();
      const { value, power } = this.#power(depth + 1);
      return { value: scale(value, rational(-1n)), power };
    }
    const base = this.#value(depth);
    if (this.#token.text !== '^') return base;
    this.#take();
    const { kind, text, from } = this.#take();
    const power = Number(text);
    if (kind !== 'number' || !Number.isInteger(power) || power > EXPRESSION_LIMITS.degree) {
      throw this.#error(`A power is a whole number up to ${EXPRESSION_LIMITS.degree}`, from);
    }
    return {
      value: raise(base.value, power),
      power: base.power === null ? null : base.power * power,
    };
  }

  #value(depth: number): Measured {
    const token = this.#take();
    if (token.text === '(') {
      const inner = this.expression(depth + 1);
      this.#expect(')');
      return inner;
    }
    if (token.kind === 'number') return this.#number(token);
    if (token.kind !== 'name') throw this.#unexpected('a number, a name or (', token);
    if (this.#token.text !== '(') return this.#symbol(token.text, token.from);
    return FUNCTIONS.has(token.text) ? this.#call(token, depth) : this.#called(token);
  }

  #number({ text, from }: Token): Measured {
    const value = parseRational(text);
    if (!value) throw this.#error(`'${text}' is no number`, from);
    const unit = Object.hasOwn(UNIT_BYTES, this.#token.text) ? UNIT_BYTES[this.#token.text] : null;
    if (this.#token.kind !== 'name' || unit === null || unit === undefined) {
      return { value: constant(value), power: null };
    }
    this.#take();
    return { value: scale(constant(value), rational(BigInt(unit))), power: 1 };
  }

  #call({ text: name, from }: Token, depth: number): Measured {
    this.#take();
    const all = [this.expression(depth + 1)];
    while (this.#token.text === ',') {
      const comma = this.#take();
      const next = this.expression(depth + 1);
      this.#common(all.at(-1) ?? next, next, comma.from);
      all.push(next);
    }
    this.#expect(')');
    const values = all.map(({ value }) => value);
    const [first = constant(0)] = values;
    const powers = all.map(({ power }) => power).filter((power) => power !== null);
    const power = powers.length === 0 ? null : Math.max(...powers);
    if (name === 'max' || name === 'min') return { value: extreme(name, values), power };
    if (values.length > 1) throw this.#error(`'${name}' takes one value`, from);
    return { value: whole(name === 'ceil' ? 'ceil' : 'floor', first), power };
  }

  /** `sizeof(float)`, `size(object.key)`: a name with another in it. */
  #called({ text, from }: Token): Measured {
    this.#take();
    const inner = this.#take();
    if (inner.kind !== 'name') throw this.#unexpected('a name', inner);
    this.#expect(')');
    return this.#symbol(`${text}(${inner.text})`, from);
  }

  #symbol(name: string, from: number): Measured {
    if (Object.hasOwn(SIZEOF_BYTES, name)) return { value: symbol(name), power: 1 };
    const unit = this.#lookup(name);
    if (unit === null) throw this.#error(`'${name}' is declared nowhere`, from);
    return { value: symbol(name), power: unit === 'bytes' ? 1 : 0 };
  }

  /** Counts and bytes may be added (24 * n + size): each one of a count is a byte then. */
  #common(a: Measured, b: Measured, from: number): number | null {
    if (a.power === null || b.power === null) return a.power ?? b.power;
    if (a.power === b.power || (isSize(a.power) && isSize(b.power))) {
      return Math.max(a.power, b.power);
    }
    throw this.unitError(`bytes^${a.power} and bytes^${b.power} do not go together`, from);
  }

  #expect(text: string): void {
    if (this.#token.text !== text) throw this.#unexpected(`'${text}'`);
    this.#take();
  }

  #take(): Token {
    const taken = this.#token;
    this.#token = this.#next();
    return taken;
  }

  #next(): Token {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (!match) {
      const from = this.#at + (/^\s*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0);
      const rest = this.#text.slice(from, from + 1);
      if (rest === '') return { kind: 'end', text: '', from };
      throw this.#error(`'${rest}' means nothing here`, from);
    }
    this.#at = TOKEN.lastIndex;
    const [, number, name, sign = ''] = match;
    const text = number ?? name ?? sign;
    const kind = number !== undefined ? 'number' : name !== undefined ? 'name' : 'sign';
    return { kind, text, from: this.#at - text.length };
  }

  #unexpected(wanted: string, { text, from } = this.#token): Error {
    const found = text === '' ? 'the expression ends' : `'${text}' is there`;
    return this.#error(`${wanted} is wanted, and ${found}`, from);
  }

  #error(what: string, from: number): Error {
    return this.#placed('HP_MUX_SYNTAX', what, from);
  }

  unitError(what: string, from: number): Error {
    return this.#placed('HP_MUX_UNIT', what, from);
  }

  #placed(code: 'HP_MUX_SYNTAX' | 'HP_MUX_UNIT', what: string, from: number): Error {
    const message = `${what}: character ${from + 1} of the expression.`;
    const details = { character: from + 1, expression: this.#text };
    return expressionError(code, message, { details });
  }
}

function isSize(power: number): boolean {
  return power === 0 || power === 1;
}

function timesMeasured(a: Measured, b: Measured): Measured {
  const value = multiply(a.value, b.value);
  if (a.power === null || b.power === null) return { value, power: a.power ?? b.power };
  return { value, power: a.power + b.power };
}

/** Values of the names that every expression knows. */
export function sizeofValues(): Map<string, Rational> {
  return new Map(
    Object.entries(SIZEOF_BYTES).map(([name, bytes]) => [name, rational(BigInt(bytes))]),
  );
}
