/** Calls of libraries: what their summaries say, with the values of the call. Pure. */
import { unreachable } from '../../base/assert.ts';
import { parseExpression } from '../../agent/expression/expression.ts';
import { callFunction } from './calls.ts';
import { itemOf } from './statements.ts';
import { labelOf, type Machine } from './machine.ts';
import { printedLength } from './printed.ts';
import type { ItemType } from './models.ts';
import {
  add,
  constant,
  constantOf,
  multiply,
  NOTHING,
  type Polynomial,
  scale,
  substitute,
  subtract,
  whole,
} from '../../agent/expression/polynomial.ts';
import { numberOfRational, rational } from '../../agent/expression/rational.ts';
import { type CallResult, type CallSummary } from './summaries.ts';
import { bytesOfValue, literal, NO_VALUE, number, object, unknown, type Value } from './values.ts';

/** What a call is given, and what it is a method of. */
export interface LibraryCall {
  readonly name: string;
  readonly self: Value | null;
  readonly args: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
  readonly line: number;
}

/** What a summary says of a call; what it does not say for sure is remarked. */
export function applied(machine: Machine, summary: CallSummary, call: LibraryCall): Value {
  const { line, name } = call;
  if (summary.certainty !== 'exact') {
    // What an attribute is needed for is told by the attribute, where a size has it in the end.
    const is_attribute = summary.certainty === 'attribute';
    machine.remark(line, `${name}: ${summary.source}`, is_attribute ? 'exact' : summary.certainty);
  }
  if (summary.note) machine.remark(line, `${name}: ${summary.note}`, 'exact');
  if (!summary.calls_back && call.args.some(({ kind }) => kind === 'function')) {
    machine.remark(line, `the function that ${name} is given is not followed`, 'fitted');
  }
  const result = resultOf(machine, summary.result, summary, call);
  if (summary.transient !== undefined && machine.model.has_temporaries) {
    machine.held.push(result);
    machine.heap.touch(amount(machine, summary.transient, call));
    machine.held.pop();
  }
  if (summary.fills !== undefined) fill(machine, summary.fills, call, summary.source);
  if (summary.calls_back) calledBack(machine, summary.calls_back, result, call);
  return summary.keeps_arguments ? { ...result, holds: [...result.holds, ...call.args] } : result;
}

/** A buffer grows by what is written into it. */
function fill(machine: Machine, bytes: string, call: LibraryCall, source: string): void {
  const [buffer] = call.args;
  if (buffer?.kind !== 'object' || buffer.type !== 'buffer') return;
  const { line, name } = call;
  const site = machine.allocate(amount(machine, bytes, call), line, name, `${name}: ${source}`);
  if (site) buffer.holds.push({ ...NO_VALUE, site });
}

function calledBack(
  machine: Machine,
  given: NonNullable<CallSummary['calls_back']>,
  result: Value,
  call: LibraryCall,
): void {
  const work = call.args.find((one) => one.kind === 'function');
  if (!work) return;
  const args = { nothing: [], result: [result], error_and_result: [NO_VALUE, result] }[given];
  machine.held.push(result);
  callFunction(machine, work, { args, named: new Map(), line: call.line });
  machine.held.pop();
}

function resultOf(
  machine: Machine,
  result: CallResult,
  summary: CallSummary,
  call: LibraryCall,
): Value {
  const { line, name, args } = call;
  const source = `${name}: ${summary.source}`;
  switch (result.kind) {
    case 'none':
      return NO_VALUE;
    case 'self':
      return call.self ?? NO_VALUE;
    case 'argument':
      return args[result.index] ?? NO_VALUE;
    case 'unknown':
      return unknown(name);
    case 'item': {
      const [first = NO_VALUE] = args;
      const is_one = args.length === 1 && first.kind !== 'number' && first.kind !== 'payload';
      return is_one ? itemOf(machine, first, line) : number(null, true);
    }
    case 'int':
    case 'float': {
      const [first = NO_VALUE] = args;
      const is_known = result.amount !== 'a0' || machine.amountOf(first, line) !== null;
      const known =
        result.amount !== undefined && is_known ? amount(machine, result.amount, call) : null;
      return number(known, result.kind === 'float');
    }
    case 'text':
    case 'bytes': {
      const label = labelOfCall(call);
      const length = amount(machine, result.length, call);
      return machine.text(length, result.kind === 'bytes', line, label, source, summary.certainty);
    }
    case 'range':
      return rangeOf(machine, call);
    case 'record':
      return machine.record(line);
    case 'list':
      return listOf(machine, result, call, source);
    case 'object': {
      const bytes = amount(machine, result.bytes, call);
      const site = machine.allocate(bytes, line, name, source, summary.certainty);
      const label = labelOfCall(call);
      const count = result.count === undefined ? null : amount(machine, result.count, call);
      return object(result.type, site, label, count);
    }
    case 'parts':
      return partsOf(machine, result.bytes, call, source);
    case 'array':
    case 'view':
      return arrayOf(machine, result, call, source);
    default:
      return unreachable(result);
  }
}

/** The part of the payload that a call is about: of its last argument that has one. */
function labelOfCall({ self, args, named }: LibraryCall): string | null {
  const all = [self ?? NO_VALUE, ...args, ...named.values()].map(labelOf);
  return all.findLast((one) => one !== null) ?? null;
}

function listOf(
  machine: Machine,
  { length, each, of = 'list' }: Extract<CallResult, { kind: 'list' }>,
  call: LibraryCall,
  source: string,
): Value {
  const list = machine.list(of, [], call.line);
  const count = amount(machine, length, call);
  const cost =
    each === undefined
      ? NOTHING
      : each === 'text'
        ? machine.cost('text', constant(8))
        : machine.cost(each);
  const site = machine.allocate(multiply(cost, count), call.line, `items of ${call.name}`, source);
  const element: Value = { ...number(null, each === 'float'), site };
  Object.assign(list, {
    length: count,
    items: null,
    element: site ? element : number(null, false),
  });
  if (list.site)
    machine.heap.resize(list.site, machine.cost(list.of === 'set' ? 'set' : 'list', count));
  return list;
}

/** Parts of a text: how many there are is in the data, each is no longer than all of it. */
function partsOf(machine: Machine, bytes: string, call: LibraryCall, source: string): Value {
  const { self, line, name } = call;
  const of = self ?? NO_VALUE;
  const length = machine.lengthOf(of, line) ?? machine.unknownSymbol('length', line, name);
  const is_bytes = of.kind === 'text' && of.is_bytes;
  const label = labelOf(of);
  const text = { kind: 'text', length, is_bytes, value: null, label } as const;
  const site = machine.allocate(amount(machine, bytes, call), line, `parts of ${name}`, source);
  const element: Value = { ...text, site, holds: [] };
  const list = machine.list('generator', [], line);
  const parts = machine.attribute('parts', label, line);
  return Object.assign(list, { length: parts, items: null, element, holds: [element] });
}

function rangeOf(machine: Machine, { args, line }: LibraryCall): Value {
  const amounts = args.map((one) => machine.amountOf(one, line));
  const [first = null, second = null, third = null] = amounts;
  const fraction = args.some((one) => one.kind === 'number' && one.is_float);
  if (fraction) machine.remark(line, 'a range of a fraction: Python 3 raises a TypeError', 'exact');
  const from = args.length > 1 ? first : NOTHING;
  const to = args.length > 1 ? second : first;
  const by = third ? constantOf(third) : null;
  const base = { kind: 'range', site: null } as const;
  if (!from || !to || (args.length > 2 && (!by || by.over <= 0n))) {
    const count = machine.unknownSymbol('rounds', line, 'how far a range goes');
    return { ...base, count, high: null, holds: [] };
  }
  const length = subtract(to, from);
  const count = by ? whole('ceil', scale(length, rational(by.under, by.over))) : length;
  return { ...base, count, high: to, holds: [] };
}

function arrayOf(
  machine: Machine,
  result: Extract<CallResult, { kind: 'array' | 'view' }>,
  call: LibraryCall,
  source: string,
): Value {
  const { line, self, args, name } = call;
  const of = self?.kind === 'array' ? self : args.find((one) => one.kind === 'array');
  if (result.kind === 'view') {
    if (of?.kind !== 'array') return fromData(machine, call, source);
    const shape =
      result.shape === 'arguments'
        ? shapeOf(machine, args, line)
        : result.shape === 'like'
          ? of.shape
          : [of.shape.reduce(multiply, constant(1))];
    return { ...of, shape: filledShape(of.shape, shape), site: null, holds: [of] };
  }
  const item = itemBytes(machine, call, result.item ?? 'float64');
  switch (result.shape) {
    case 'arguments':
      return machine.array(shapeOf(machine, args, line), item, line, source, name);
    case 'file': {
      const label = labelOfCall(call);
      const items = machine.attribute('items', label, line);
      const bytes = machine.attribute('itemsize', label, line);
      return machine.array([items], bytes, line, source, name);
    }
    case 'first':
      return machine.array(shapeOf(machine, args.slice(0, 1), line), item, line, source, name);
    case 'second': {
      const second = args[1];
      return second?.kind === 'array'
        ? machine.array(second.shape, item, line, source, name)
        : fromData(machine, call, source);
    }
    case 'product': {
      const [a, b] = self?.kind === 'array' ? [self, args[0]] : args;
      if (a?.kind !== 'array' || b?.kind !== 'array') return fromData(machine, call, source);
      return machine.array(
        [...a.shape.slice(0, -1), ...b.shape.slice(1)],
        item,
        line,
        source,
        name,
      );
    }
    case 'reduced': {
      const axis = call.named.get('axis') ?? (self?.kind === 'array' ? args[0] : args[1]);
      if (of?.kind !== 'array' || axis === undefined) return number(null, true);
      const at = axis.kind === 'number' && axis.amount ? constantOf(axis.amount) : null;
      const index = at ? numberOfRational(at) : 0;
      return machine.array(of.shape.toSpliced(index, 1), of.item, line, source, name);
    }
    case 'like':
      return of?.kind === 'array'
        ? machine.array(of.shape, call.named.has('dtype') ? item : of.item, line, source, name)
        : fromData(machine, call, source);
    default:
      return unreachable(result);
  }
}

/** An array of a list: as many items as the list has. */
function fromData(machine: Machine, call: LibraryCall, source: string): Value {
  const [first = NO_VALUE] = call.args;
  const length = machine.lengthOf(first, call.line);
  const why = `the shape of ${call.name} is not known`;
  const shape = length ?? machine.unknownSymbol('shape', call.line, why);
  return machine.array([shape], itemBytes(machine, call, 'float64'), call.line, source, call.name);
}

/** -1 in a new shape is what is left of the old one. */
function filledShape(
  old: readonly Polynomial[],
  shape: readonly Polynomial[],
): readonly Polynomial[] {
  return shape.some(({ text }) => text.startsWith('-'))
    ? [old.reduce(multiply, constant(1))]
    : shape;
}

function shapeOf(machine: Machine, args: readonly Value[], line: number): Polynomial[] {
  const [first] = args;
  const sizes = args.length === 1 && first?.kind === 'list' ? (first.items ?? [first]) : args;
  return sizes.map(
    (one) =>
      machine.amountOf(one, line) ??
      machine.unknownSymbol('shape', line, 'a shape that is not known'),
  );
}

const ITEM_TYPES: Readonly<Record<string, ItemType>> = {
  float32: 'float32',
  float: 'float64',
  float64: 'float64',
  int: 'int64',
  int64: 'int64',
  int32: 'int32',
  uint8: 'uint8',
  bool: 'uint8',
  bool_: 'uint8',
};

function itemBytes(
  machine: Machine,
  { named, line }: LibraryCall,
  otherwise: ItemType,
): Polynomial {
  const type = named.get('dtype');
  const word =
    type?.kind === 'module'
      ? (type.name.split('.').at(-1) ?? '')
      : type?.kind === 'text'
        ? (type.value ?? '')
        : null;
  if (type?.kind === 'payload') return machine.attribute('itemsize', labelOf(type), line);
  if (word === null) return parseExpression(machine.model.array_items[otherwise]);
  const known = Object.hasOwn(ITEM_TYPES, word) ? ITEM_TYPES[word] : undefined;
  if (known) return parseExpression(machine.model.array_items[known]);
  return machine.unknownSymbol('item', line, `the type of an array's items: ${word}`);
}

/** An expression of a summary, with the values of this call. */
function amount(machine: Machine, text: string, call: LibraryCall): Polynomial {
  return substitute(parseExpression(text), (name) =>
    name.startsWith('sizeof(') ? null : variable(machine, name, call),
  );
}

function variable(machine: Machine, name: string, call: LibraryCall): Polynomial {
  const { line, self, args, named } = call;
  const [, word = name, index] = /^([a-z]+)(\d)?$/.exec(name) ?? [];
  const arg = index === undefined ? undefined : args[Number(index)];
  const missing = (what: string): Polynomial =>
    machine.unknownSymbol(what, line, `${call.name}: its ${what}`);
  switch (word) {
    case 'a': {
      if (arg === undefined) return NOTHING;
      if (arg.kind === 'array') return arg.shape[0] ?? constant(1);
      return machine.amountOf(arg, line) ?? missing('amount');
    }
    case 'len':
      if (index !== undefined && arg === undefined) return NOTHING;
      return machine.lengthOf(arg ?? self ?? NO_VALUE, line) ?? missing('length');
    case 'bytes':
      return valueBytes(arg ?? self ?? NO_VALUE);
    case 'all': {
      const all = [...(self ? [self] : []), ...args].map((one) =>
        printedLength(machine, one, line),
      );
      return add(all.reduce(add, NOTHING), constant(Math.max(0, all.length - 1)));
    }
    case 'joined':
      return joinedLength(machine, self ?? NO_VALUE, arg ?? NO_VALUE, line);
    case 'elements':
      return joinedLength(machine, arg ?? literal(',', false), self ?? NO_VALUE, line);
    case 'text':
      return printedLength(machine, arg ?? NO_VALUE, line);
    case 'read':
      return args[0]
        ? (machine.amountOf(args[0], line) ?? missing('amount'))
        : machine.attribute('size', labelOf(self ?? NO_VALUE), line);
    case 'size':
    case 'pixels':
    case 'names':
    case 'parts':
    case 'process':
    case 'encoded':
    case 'items':
      return machine.attribute(word, arg ? labelOf(arg) : labelOfCall(call), line);
    default: {
      const given = named.get(name);
      return given
        ? (machine.amountOf(given, line) ?? missing(word))
        : /^buffering$/.test(word)
          ? NOTHING
          : missing(word);
    }
  }
}

/** Items of a list as one text, and what stands between them. */
function joinedLength(machine: Machine, between: Value, list: Value, line: number): Polynomial {
  if (list.kind !== 'list' || !list.element) return printedLength(machine, list, line);
  const each = printedLength(machine, list.element, line);
  return multiply(list.length, add(each, machine.lengthOf(between, line) ?? NOTHING));
}

function valueBytes(value: Value): Polynomial {
  if (value.kind === 'array') return value.shape.reduce(multiply, value.item);
  return bytesOfValue(value);
}
