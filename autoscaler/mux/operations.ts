/** Operations of two values: numbers, texts, lists, arrays. Pure. */
import { either, labelOf, type Machine } from './machine.ts';
import { printedLength } from './printed.ts';
import {
  add,
  constant,
  constantOf,
  largest,
  multiply,
  type Polynomial,
  raise,
  scale,
  subtract,
  whole,
} from '../../agent/expression/polynomial.ts';
import { numberOfRational, rational } from '../../agent/expression/rational.ts';
import { type ListValue, number, unknown, type Value } from './values.ts';

type ArrayValue = Extract<Value, { kind: 'array' }>;

/** `left sign right`. */
export function operate(
  machine: Machine,
  sign: string,
  left: Value,
  right: Value,
  line: number,
): Value {
  if (/^(and|or|&&|\|\||\?\?)$/.test(sign)) return either(left, right);
  if (/^(==|!=|===|!==|<|>|<=|>=|in|not in|is|is not|instanceof)$/.test(sign)) {
    const is_each = /^[=!<>]/.test(sign);
    if (left.kind === 'array' && is_each) return machine.array(left.shape, constant(1), line);
    return number(null, false);
  }
  if (left.kind === 'array' || right.kind === 'array')
    return arrayOperation(machine, sign, left, right, line);
  if (left.kind === 'text' || right.kind === 'text')
    return textOperation(machine, sign, left, right, line);
  if (left.kind === 'list') return listOperation(machine, sign, left, right, line);
  if (left.kind === 'object' && left.type === 'small') return left;
  const a = machine.amountOf(left, line);
  const b = machine.amountOf(right, line);
  const is_float =
    [left, right].some((one) => one.kind === 'number' && one.is_float) || sign === '/';
  return number(a && b ? arithmetic(sign, a, b) : null, is_float);
}

function arithmetic(sign: string, a: Polynomial, b: Polynomial): Polynomial | null {
  const divisor = constantOf(b);
  switch (sign) {
    case '+':
      return add(a, b);
    case '-':
      return subtract(a, b);
    case '*':
      return multiply(a, b);
    case '/':
    case '//': {
      if (!divisor || divisor.over === 0n) return null;
      const exact = scale(a, rational(divisor.under, divisor.over));
      return sign === '/' ? exact : whole('floor', exact);
    }
    case '<<': {
      const by = divisor ? numberOfRational(divisor) : -1;
      return by >= 0 && by < 64 && Number.isInteger(by)
        ? scale(a, rational(2n ** BigInt(by)))
        : null;
    }
    case '**': {
      const power = divisor ? numberOfRational(divisor) : -1;
      return Number.isInteger(power) && power >= 0 && power <= 4 ? raise(a, power) : null;
    }
    default:
      return null;
  }
}

/** Each item of one with each of the other; `@`: the product of two matrices. */
export function arrayOperation(
  machine: Machine,
  sign: string,
  left: Value,
  right: Value,
  line: number,
): Value {
  const sides = [left, right].filter((one) => one.kind === 'array');
  const [first, second] = sides.toSorted((a, b) => b.shape.length - a.shape.length);
  if (!first) return unknown('an array');
  if (sign === '@' && left.kind === 'array' && right.kind === 'array') {
    const product = [...left.shape.slice(0, -1), ...right.shape.slice(1)];
    return machine.array(product, largest([left.item, right.item]), line);
  }
  const shape = first.shape.map((one, index) => {
    const other = second?.shape[index - first.shape.length + second.shape.length];
    return one.text === '1' && other ? other : one;
  });
  const is_known =
    !second ||
    second.shape.every((one, index) => {
      const mine = shape[index + shape.length - second.shape.length];
      return one.text === '1' || mine?.text === one.text;
    });
  if (!is_known) machine.remark(line, 'arrays of different shapes are broadcast', 'fitted');
  const item = itemOfOperation(sign, first, second ?? (first === left ? right : left));
  const array = machine.array(shape, item, line, undefined, 'array of an operation');
  if (sides.some((one) => one.item.text !== item.text)) {
    machine.held.push(array);
    machine.heap.touch(constant(CAST_BYTES));
    machine.held.pop();
  }
  return array;
}

/** What items are turned into others through: 8,192 of 8 bytes (NPY_BUFSIZE). */
const CAST_BYTES = 66 * 1024;

/** Bytes of an item of the result: the larger of both, 8 where a small one may become a float. */
function itemOfOperation(sign: string, array: ArrayValue, other: Value): Polynomial {
  const both = other.kind === 'array' ? largest([array.item, other.item]) : array.item;
  const widest = largest([both, constant(8)]);
  if (sign === '/' && both.text !== '8') return widest;
  const is_byte = constantOf(both) !== null && both.text === '1';
  if (!is_byte || other.kind === 'array') return both;
  const amount = other.kind === 'number' && !other.is_float ? other.amount : null;
  const value = amount ? constantOf(amount) : null;
  const fits = value !== null && numberOfRational(value) >= 0 && numberOfRational(value) < 256;
  return fits ? both : widest;
}

function textOperation(
  machine: Machine,
  sign: string,
  left: Value,
  right: Value,
  line: number,
): Value {
  const [text, other] = left.kind === 'text' ? [left, right] : [right, left];
  if (text.kind !== 'text') return unknown('a text');
  const label = labelOf(right) ?? labelOf(left);
  if (sign === '*') {
    const times = machine.amountOf(other, line) ?? machine.unknownSymbol('times', line, 'a factor');
    return machine.text(multiply(text.length, times), text.is_bytes, line, label);
  }
  const added =
    sign === '%' && other.kind === 'list'
      ? (other.items ?? []).map((one) => printedLength(machine, one, line)).reduce(add, constant(0))
      : printedLength(machine, other, line);
  return machine.text(add(text.length, added), text.is_bytes, line, label);
}

function listOperation(
  machine: Machine,
  sign: string,
  left: ListValue,
  right: Value,
  line: number,
): Value {
  const list = machine.list('list', [], line);
  const times = sign === '*' ? machine.amountOf(right, line) : null;
  const other = right.kind === 'list' ? right.length : null;
  const length =
    sign === '*' && times
      ? multiply(left.length, times)
      : sign === '+' && other
        ? add(left.length, other)
        : machine.unknownSymbol('length', line, 'how long a list is');
  Object.assign(list, { length, items: null, element: left.element });
  list.holds.push(...left.holds, ...(left.items ?? []), right);
  if (list.site) machine.heap.resize(list.site, machine.cost('list', length));
  return list;
}
