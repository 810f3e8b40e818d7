/** Expressions of a program, as far as memory goes. Pure. */
import { unreachable } from '../../base/assert.ts';
import { evaluateCall } from './calls.ts';
import { either, labelOf, type Machine } from './machine.ts';
import { printedLength } from './printed.ts';
import {
  add,
  constant,
  constantOf,
  isAtLeast,
  multiply,
  scale,
} from '../../agent/expression/polynomial.ts';
import { numberOfRational, parseRational, rational } from '../../agent/expression/rational.ts';
import { assignTo, runRounds } from './statements.ts';
import type { Clause, Expression } from './tree.ts';
import {
  type ListValue,
  literal,
  moduleNamed,
  NO_VALUE,
  number,
  type RecordValue,
  textOfLength,
  unknown,
  type Value,
} from './values.ts';
import { operate } from './operations.ts';

/** The value of an expression; what it only held meanwhile is dead when it returns. */
export function evaluateValue(machine: Machine, tree: Expression): Value {
  machine.step(tree.line);
  const value = valueOf(machine, tree);
  if (tree.kind === 'call' || tree.kind === 'operation') machine.settle(value);
  return value;
}

/** Evaluates in order; each one is held while the others are. */
export function evaluateAll(machine: Machine, trees: readonly Expression[]): Value[] {
  const before = machine.held.length;
  const values: Value[] = [];
  for (const tree of trees) {
    const value = evaluateValue(machine, tree);
    machine.held.push(value);
    values.push(value);
  }
  machine.held.length = before;
  return values;
}

function valueOf(machine: Machine, tree: Expression): Value {
  const { line } = tree;
  switch (tree.kind) {
    case 'name':
      return machine.lookup(tree.name) ?? moduleNamed(machine.imported(tree.name));
    case 'number':
      return numberLiteral(tree.text, tree.is_float);
    case 'constant':
      return tree.value === 'none'
        ? NO_VALUE
        : numberLiteral(tree.value === 'true' ? '1' : '0', false);
    case 'text':
      return textOf(machine, tree);
    case 'sequence':
      return sequenceOf(machine, tree.of, tree.items, line);
    case 'record':
      return recordOf(machine, tree);
    case 'member':
      return memberOf(machine, evaluateValue(machine, tree.of), tree.name, line);
    case 'element': {
      const [of = NO_VALUE, index = NO_VALUE] = evaluateAll(machine, [tree.of, tree.index]);
      return elementOf(of, index);
    }
    case 'slice':
      return sliceOf(machine, evaluateAll(machine, [tree.of, ...tree.ends])[0] ?? NO_VALUE, line);
    case 'call':
      return evaluateCall(machine, tree);
    case 'operation': {
      const [left = NO_VALUE, right = NO_VALUE] = evaluateAll(machine, [tree.left, tree.right]);
      machine.held.push(left, right);
      const value = operate(machine, tree.sign, left, right, line);
      machine.held.length -= 2;
      return value;
    }
    case 'unary':
      return unaryOf(machine, tree.sign, evaluateValue(machine, tree.of), line);
    case 'choice':
      return choiceOf(machine, tree);
    case 'comprehension':
      return comprehensionOf(machine, tree);
    case 'function':
      return {
        kind: 'function',
        definition: tree.definition,
        self: null,
        scope: machine.scope.outer === null && machine.scopes.length === 0 ? null : machine.scope,
        site: machine.allocate(machine.cost('function'), line, 'function'),
        holds: [],
      };
    case 'assign': {
      const value = machine.boxed(evaluateValue(machine, tree.value), line, 'value');
      assignTo(machine, tree.target, value, line);
      return value;
    }
    case 'spread':
      return evaluateValue(machine, tree.of);
    case 'unread': {
      const parts = evaluateAll(machine, tree.parts);
      machine.remark(line, `${tree.what} is not followed`, 'fitted');
      return { ...unknown(tree.what), holds: parts };
    }
    default:
      return unreachable(tree);
  }
}

function choiceOf(machine: Machine, tree: Extract<Expression, { kind: 'choice' }>): Value {
  const trees = [tree.test, tree.if_true, tree.otherwise];
  const [, if_true = NO_VALUE, otherwise = NO_VALUE] = evaluateAll(machine, trees);
  return either(if_true, otherwise);
}

function numberLiteral(text: string, is_float: boolean): Value {
  const plain = text.replaceAll('_', '').replace(/[lnj]$/i, '');
  const value = Number(plain);
  const whole_number = Number.isSafeInteger(value) ? constant(value) : null;
  const exact = parseRational(plain);
  const amount = exact ? constant(exact) : whole_number;
  return { kind: 'number', amount, is_float, is_literal: true, site: null, holds: [] };
}

function textOf(machine: Machine, tree: Extract<Expression, { kind: 'text' }>): Value {
  if (tree.value !== null) return literal(tree.value, tree.is_bytes);
  const parts = evaluateAll(machine, tree.parts);
  const length = parts.reduce(
    (sum, one) => add(sum, printedLength(machine, one, tree.line)),
    constant(16),
  );
  const label = parts.map(labelOf).findLast((one) => one !== null) ?? null;
  return machine.text(length, tree.is_bytes, tree.line, label);
}

function sequenceOf(
  machine: Machine,
  of: 'list' | 'tuple' | 'set',
  trees: readonly Expression[],
  line: number,
): Value {
  const items = evaluateAll(machine, trees);
  machine.held.push(...items);
  if (trees.some(({ kind }) => kind === 'spread')) {
    const spread = spreadInto(machine, { of, trees, items, line });
    machine.held.length -= items.length;
    return spread;
  }
  const boxed = items.map((one) => machine.boxed(one, line, 'item'));
  const list = machine.list(of, boxed, line);
  list.element = boxed.reduce((longest: Value | null, one) => longerOf(longest, one), null);
  machine.held.length -= items.length;
  for (const one of boxed) machine.heap.keep(one, list.depth);
  return list;
}

interface Spread {
  readonly of: 'list' | 'tuple' | 'set';
  readonly trees: readonly Expression[];
  readonly items: readonly Value[];
  readonly line: number;
}

/** A list of the items of others, and of some of its own. */
function spreadInto(machine: Machine, { of, trees, items, line }: Spread): Value {
  const list = machine.list(of, [], line);
  let length = constant(0);
  let element: Value | null = null;
  for (const [at, one] of items.entries()) {
    const is_spread = trees[at]?.kind === 'spread';
    const why = 'how long a list is that is spread';
    const known = is_spread ? machine.lengthOf(one, line) : constant(1);
    length = add(length, known ?? machine.unknownSymbol('length', line, why));
    element = longerOf(element, one.kind === 'list' && one.element ? one.element : one);
  }
  Object.assign(list, { length, items: null, element });
  list.holds.push(...items);
  if (list.site) machine.heap.resize(list.site, machine.cost(of, length));
  return list;
}

/** One that stands for both: of two texts the longer. */
function longerOf(a: Value | null, b: Value): Value {
  const is_longer = a?.kind === 'text' && b.kind === 'text' && isAtLeast(a.length, b.length);
  return is_longer ? a : b;
}

function recordOf(machine: Machine, tree: Extract<Expression, { kind: 'record' }>): Value {
  const values = evaluateAll(
    machine,
    tree.entries.map(({ value }) => value),
  );
  machine.held.push(...values);
  const record = machine.record(tree.line);
  machine.held.length -= values.length;
  for (const [index, { key, value: given }] of tree.entries.entries()) {
    if (given.kind === 'spread') {
      spreadEntries(machine, record, values[index] ?? NO_VALUE, tree.line);
      continue;
    }
    const name = key?.kind === 'text' ? key.value : null;
    const value = machine.boxed(values[index] ?? NO_VALUE, tree.line, name ?? 'entry');
    record.entries.set(name ?? `(${index})`, value);
    machine.heap.keep(value, record.depth);
  }
  record.count = constant(record.entries.size);
  if (record.site) machine.heap.resize(record.site, machine.cost('record', record.count));
  return record;
}

function spreadEntries(machine: Machine, record: RecordValue, of: Value, line: number): void {
  if (of.kind === 'record') for (const [key, one] of of.entries) record.entries.set(key, one);
  else machine.remark(line, 'entries of what is no known dictionary are not followed', 'fitted');
  record.holds.push(of);
}

/** What `of.name` is: a member of a module, a field, or a method that waits for its call. */
export function memberOf(machine: Machine, of: Value, name: string, line: number): Value {
  if (of.kind === 'module') {
    const own = of.scope?.names.get(name);
    if (own) return own;
    const constant_chars = STRING_CONSTANTS[`${of.name}.${name}`];
    if (constant_chars !== undefined) return textOfLength(constant_chars);
    return /^(pi|e|inf|nan)$/.test(name) ? number(null, true) : moduleNamed(`${of.name}.${name}`);
  }
  if (of.kind === 'record' && of.entries.has(name)) return of.entries.get(name) ?? NO_VALUE;
  if (name === 'length' && of.kind !== 'object') return number(machine.lengthOf(of, line), false);
  if (of.kind === 'payload') return elementOf(of, literal(name, false));
  if (of.kind === 'array' && name === 'shape') {
    return machine.list(
      'tuple',
      of.shape.map((one) => number(one, false)),
      line,
    );
  }
  if (of.kind === 'array' && name === 'T')
    return { ...of, shape: of.shape.toReversed(), site: null, holds: [of] };
  if (of.kind === 'array' && name === 'size')
    return number(of.shape.reduce(multiply, constant(1)), false);
  return { kind: 'method', of, name, site: null, holds: [] };
}

/** Characters of the constants of Python's `string` (Lib/string.py). */
const STRING_CONSTANTS: Readonly<Record<string, number>> = {
  'string.ascii_lowercase': 26,
  'string.ascii_uppercase': 26,
  'string.ascii_letters': 52,
  'string.digits': 10,
  'string.hexdigits': 22,
  'string.octdigits': 8,
  'string.punctuation': 32,
  'string.whitespace': 6,
  'string.printable': 100,
};

export function elementOf(of: Value, index: Value): Value {
  switch (of.kind) {
    case 'payload': {
      const at =
        index.kind === 'text'
          ? index.value
          : index.kind === 'number' && index.amount
            ? index.amount.text
            : null;
      const part = at === null ? '*' : at.replaceAll('~', '~0').replaceAll('/', '~1');
      return { ...of, path: `${of.path}/${part}` };
    }
    case 'record': {
      const key = index.kind === 'text' ? index.value : null;
      return (
        (key === null ? [...of.entries.values()].at(-1) : of.entries.get(key)) ??
        unknown('no such key')
      );
    }
    case 'list': {
      const at = index.kind === 'number' && index.amount ? constantOf(index.amount) : null;
      const known = at && of.items ? of.items.at(numberOfRational(at)) : null;
      return known ?? of.element ?? unknown('an item that is not known');
    }
    case 'array': {
      const taken = index.kind === 'list' ? (index.items?.length ?? 1) : 1;
      if (taken >= of.shape.length) return number(null, true);
      return { ...of, shape: of.shape.slice(taken), site: null, holds: [of] };
    }
    case 'text':
      return of.is_bytes ? number(null, false) : literal('c', false);
    case 'object':
      return of.type === 'small' ? of : { ...of, holds: [of], site: null };
    default:
      return { ...unknown('an element'), holds: [of] };
  }
}

/** Of texts and lists a copy as long as all of it at the most; of arrays a view. */
function sliceOf(machine: Machine, of: Value, line: number): Value {
  if (of.kind === 'text') return machine.text(of.length, of.is_bytes, line, of.label);
  if (of.kind === 'array') return { ...of, site: null, holds: [of] };
  if (of.kind !== 'list') return { ...unknown('a slice'), holds: [of] };
  const copy: ListValue & Value = machine.list('list', [], line);
  Object.assign(copy, { length: of.length, element: of.element, items: null });
  copy.holds.push(of);
  if (copy.site) machine.heap.resize(copy.site, machine.cost('list', of.length));
  return copy;
}

function unaryOf(machine: Machine, sign: string, value: Value, line: number): Value {
  if (sign === 'not' || sign === '!' || sign === 'typeof') return number(null, false);
  const amount = machine.amountOf(value, line);
  if (sign === '-' && amount)
    return number(scale(amount, rational(-1n)), value.kind === 'number' && value.is_float);
  if (value.kind === 'array') return machine.array(value.shape, value.item, line);
  return sign === '+' && amount ? number(amount, true) : number(null, false);
}

function comprehensionOf(
  machine: Machine,
  tree: Extract<Expression, { kind: 'comprehension' }>,
): Value {
  const { line, of } = tree;
  const kind = of === 'record' ? 'set' : of;
  const list = machine.list(kind, [], line);
  if (of === 'record' && list.site) machine.heap.resize(list.site, machine.cost('record'));
  machine.held.push(list);
  Object.assign(list, { items: null });
  eachRound(machine, tree.clauses, line, () => {
    const items = evaluateAll(machine, tree.items).map((one) => machine.boxed(one, line, 'item'));
    if (machine.heap.isRepeatSince(list.depth)) return;
    list.element = items.at(-1) ?? null;
    list.length = machine.heap.timesSince(list.depth);
    if (of === 'generator') return;
    list.holds.push(...items);
    for (const one of items) machine.heap.keep(one, list.depth);
    const cost = machine.cost(
      of === 'record' ? 'record' : kind === 'set' ? 'set' : 'list',
      list.length,
    );
    if (list.site) machine.heap.resize(list.site, cost);
  });
  machine.held.pop();
  return list;
}

function eachRound(
  machine: Machine,
  clauses: readonly Clause[],
  line: number,
  body: () => void,
): void {
  const [first, ...rest] = clauses;
  if (!first) {
    body();
    return;
  }
  const over = evaluateValue(machine, first.over);
  machine.held.push(over);
  runRounds(machine, over, first.target, line, () => eachRound(machine, rest, line, body));
  machine.held.pop();
}
