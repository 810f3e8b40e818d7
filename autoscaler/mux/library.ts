/** Calls of libraries: what their summaries say, with the values of the call. Pure. */
import { unreachable } from '../../base/assert.ts';
import { parseExpression } from '../../agent/expression/expression.ts';
import { callFunction } from './calls.ts';
import { amount, labelOfCall } from './amounts.ts';
import { builtFrom, gathered, goneThrough, keysOf, listOfCall } from './iterators.ts';
import { itemOf } from './statements.ts';
import { MUX_LIMITS } from './limits.ts';
import { labelOf, type Machine } from './machine.ts';
import { arrayOperation } from './operations.ts';
import type { ItemType } from './models.ts';
import {
  constant,
  constantOf,
  multiply,
  NOTHING,
  type Polynomial,
  scale,
  subtract,
  whole,
} from '../../agent/expression/polynomial.ts';
import { numberOfRational, rational } from '../../agent/expression/rational.ts';
import { type CallResult, type CallSummary } from './summaries.ts';
import { NO_VALUE, number, object, unknown, type Value } from './values.ts';

/** What a call is given, and what it is a method of. */
export interface LibraryCall {
  readonly name: string;
  readonly self: Value | null;
  readonly args: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
  /** Of `args`, those that stand for all of their items: `f(*rows)`. */
  readonly spread: readonly Value[];
  readonly line: number;
}

/** What a summary says of a call; what it does not say for sure is remarked. */
export function applied(machine: Machine, summary: CallSummary, given: LibraryCall): Value {
  const { line, name } = given;
  if (summary.certainty !== 'exact') {
    // What an attribute is needed for is told by the attribute, where a size has it in the end.
    const is_attribute = summary.certainty === 'attribute';
    machine.remark(line, `${name}: ${summary.source}`, is_attribute ? 'exact' : summary.certainty);
  }
  if (summary.note) machine.remark(line, `${name}: ${summary.note}`, 'exact');
  const follows = summary.calls_back !== undefined || summary.result.kind === 'built';
  const key = summary.keys === undefined ? null : given.named.get('key');
  const functions = [...given.args, ...given.named.values()].filter((one) => one !== key);
  if (!follows && functions.some(({ kind }) => kind === 'function')) {
    machine.remark(line, `the function that ${name} is given is not followed`, 'fitted');
  }
  if (given.spread.length > 0 && summary.takes_spread !== true) {
    machine.remark(line, 'arguments in a list are not followed', 'fitted');
  }
  const { gathers } = summary;
  const call = gathers
    ? { ...given, args: given.args.map((one) => gathered(machine, one, given)) }
    : given;
  const keys = key?.kind === 'function' ? keysOf(machine, key, call) : NO_VALUE;
  const held = [...call.args, ...(summary.keys === 'kept' ? [keys] : [])];
  machine.held.push(...held);
  const result = resultOf(machine, summary.result, summary, call);
  if (summary.transient !== undefined && machine.model.has_temporaries) {
    machine.held.push(result);
    machine.heap.touch(amount(machine, summary.transient, call));
    machine.held.pop();
  }
  if (summary.fills !== undefined) fill(machine, summary.fills, call, summary.source);
  if (summary.calls_back) calledBack(machine, summary.calls_back, result, call);
  machine.held.length -= held.length;
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
  const item = given === 'pairs' ? itemOf(machine, call.self ?? NO_VALUE, call.line) : NO_VALUE;
  const args = {
    nothing: [],
    result: [result],
    error_and_result: [NO_VALUE, result],
    pairs: [item, item],
  }[given];
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
      const needs = result.amount?.includes('a0') === true;
      const is_known = !needs || machine.amountOf(first, line) !== null;
      const known =
        result.amount !== undefined && is_known ? amount(machine, result.amount, call) : null;
      return number(known, result.kind === 'float');
    }
    case 'text':
    case 'bytes': {
      const label = labelOfCall(call);
      const length = amount(machine, result.length, call);
      const is_bytes = result.kind === 'bytes';
      const text = machine.text(length, is_bytes, line, label, source, summary.certainty);
      return result.has_room && text.kind === 'text' ? { ...text, has_room: true } : text;
    }
    case 'range':
      return rangeOf(machine, call);
    case 'record':
      return machine.record(line);
    case 'list':
      return listOfCall(machine, result, call, source);
    case 'through':
      return goneThrough(machine, result.of, call);
    case 'built':
      return builtFrom(machine, result.of, call, source);
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
    case 'broadcast': {
      const [a = NO_VALUE, b = NO_VALUE] = args;
      const is_array = a.kind === 'array' || b.kind === 'array';
      return is_array
        ? arrayOperation(machine, result.sign ?? '+', a, b, line)
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

/** An array of a list: as many items as the list has, and as the lists in it have. */
function fromData(machine: Machine, call: LibraryCall, source: string): Value {
  const { line, name } = call;
  const shape: Polynomial[] = [];
  let [inner = NO_VALUE]: readonly (Value | undefined)[] = call.args;
  for (let deep = 0; deep < MUX_LIMITS.dimensions; deep += 1) {
    const length = machine.lengthOf(inner, line);
    const why = `the shape of ${name} is not known`;
    if (length === null && inner.kind !== 'number') {
      shape.push(machine.unknownSymbol('shape', line, why));
    } else if (length) shape.push(length);
    if (inner.kind === 'payload' || inner.kind === 'text' || inner.kind === 'range' || !length)
      break;
    inner = itemOf(machine, inner, line);
  }
  return machine.array(shape, itemBytes(machine, call, 'float64'), line, source, name);
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

export function itemBytes(
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
