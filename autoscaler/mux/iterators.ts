/** Values that go through others: lists of them, pairs, a function called for each. Pure. */
import { callFunction } from './calls.ts';
import { amount } from './amounts.ts';
import { itemBytes, type LibraryCall } from './library.ts';
import type { Machine } from './machine.ts';
import type { ItemType } from './models.ts';
import {
  constant,
  isAtLeast,
  multiply,
  type Polynomial,
} from '../../agent/expression/polynomial.ts';
import { itemOf, runRounds } from './statements.ts';
import type { CallResult } from './summaries.ts';
import type { Expression } from './tree.ts';
import { type ListValue, NO_VALUE, number, unknown, type Value } from './values.ts';

type FunctionValue = Extract<Value, { kind: 'function' }>;

/** A list, set or generator as long as the summary says. */
export function listOfCall(
  machine: Machine,
  { length, each, of = 'list', besides }: Extract<CallResult, { kind: 'list' }>,
  call: LibraryCall,
  source: string,
): Value {
  const { line, name } = call;
  const list = machine.list(of, [], line);
  machine.held.push(list);
  const count = amount(machine, length, call);
  const fixed =
    besides === undefined ? null : machine.allocate(constant(besides), line, name, source);
  if (fixed) list.holds.push({ ...NO_VALUE, site: fixed });
  list.element = number(null, each === 'float');
  if (each === 'own') ownItems(machine, list, call.self ?? call.args[0] ?? NO_VALUE, count, call);
  else if (each !== undefined) newItems(machine, list, each, count, call);
  Object.assign(list, { length: count, items: null });
  if (list.site)
    machine.heap.resize(list.site, machine.cost(list.of === 'set' ? 'set' : 'list', count));
  machine.held.pop();
  return list;
}

/** Items that the call makes, all of a kind. */
function newItems(
  machine: Machine,
  list: ListValue,
  each: 'int' | 'float' | 'text',
  count: Polynomial,
  { line, name }: LibraryCall,
): void {
  const cost = each === 'text' ? machine.cost('text', constant(8)) : machine.cost(each);
  const site = machine.allocate(multiply(cost, count), line, `items of ${name}`);
  if (site) list.element = { ...number(null, each === 'float'), site };
}

/** Items of what it is given: those of a generator are made now, all others are there. */
function ownItems(
  machine: Machine,
  list: ListValue,
  from: Value,
  count: Polynomial,
  call: LibraryCall,
): void {
  if (from.kind === 'range' || from.kind === 'text') {
    newItems(machine, list, 'int', count, call);
    return;
  }
  if (from.kind !== 'list') {
    if (from.kind !== 'none') list.element = itemOf(machine, from, call.line);
    list.holds.push(...(from.kind === 'record' ? from.entries.values() : []));
    return;
  }
  if (from.of === 'generator' && from.element) {
    machine.heap.gather(from.element, from.depth, count, list.depth);
  }
  list.element = from.element;
  list.holds.push(...itemsOf(from));
}

/** What lives as long as the items of a list do, without the list. */
function itemsOf(value: Value): Value[] {
  if (value.kind !== 'list') return [value];
  const held = value.of === 'generator' ? value.holds.flatMap(itemsOf) : value.holds;
  return [...held, ...(value.items ?? []), ...(value.element ? [value.element] : [])];
}

/** What a generator makes one at a time, all of it at once; anything else is as it was. */
export function gathered(machine: Machine, from: Value, call: LibraryCall): Value {
  if (from.kind !== 'list' || from.of !== 'generator') return from;
  const list = { kind: 'list', length: 'len0', each: 'own' } as const;
  return listOfCall(machine, list, { ...call, self: null, args: [from] }, call.name);
}

/** A generator over its arguments: their items, tuples of one of each, or items with a number. */
export function goneThrough(
  machine: Machine,
  of: 'items' | 'pairs' | 'numbered',
  { self, args, spread, line, name }: LibraryCall,
): Value {
  const overs = self ? [self] : args.filter((one) => !spread.includes(one));
  const rows = spread.map((one) => itemOf(machine, one, line));
  const counts = [...overs, ...rows].flatMap((one) => machine.lengthOf(one, line) ?? []);
  const count =
    shortest(counts) ?? machine.unknownSymbol('length', line, `how long ${name} goes on`);
  // What it makes is made anew for each item.
  machine.heap.rounds.push({ count, is_repeat: false });
  const items = overs.map((one) => {
    const item = itemOf(machine, one, line);
    return one.kind === 'range' ? machine.boxed(item, line, 'item') : item;
  });
  const index = of === 'numbered' ? [machine.boxed(number(null, false), line, 'index')] : [];
  const [first = NO_VALUE] = items;
  const element =
    of === 'items'
      ? first
      : rows.length > 0
        ? columnOf(machine, spread, rows, line)
        : machine.list('tuple', [...index, ...items], line);
  machine.heap.rounds.pop();
  const generator = machine.list('generator', [], line);
  return Object.assign(generator, {
    length: count,
    items: null,
    element,
    holds: [...overs, ...spread],
  });
}

/** `zip(*rows)`: a tuple as long as there are rows. */
function columnOf(
  machine: Machine,
  spread: readonly Value[],
  rows: readonly Value[],
  line: number,
): Value {
  const [all = NO_VALUE] = spread;
  const [row = NO_VALUE] = rows;
  const length =
    spread.length === 1
      ? (machine.lengthOf(all, line) ?? machine.unknownSymbol('length', line, 'rows of a zip'))
      : machine.unknownSymbol('length', line, 'rows of a zip');
  const tuple = machine.list('tuple', [], line);
  if (tuple.site) machine.heap.resize(tuple.site, machine.cost('tuple', length));
  return Object.assign(tuple, { length, items: null, element: itemOf(machine, row, line) });
}

/** An upper bound of the least: no other is seen to be below it. */
function shortest(all: readonly Polynomial[]): Polynomial | null {
  const [first, ...rest] = all;
  return first ? rest.reduce((least, one) => (isAtLeast(least, one) ? one : least), first) : null;
}

/** `Array.from`, `Uint8Array.from`: of a list or a length, through a function if there is one. */
export function builtFrom(
  machine: Machine,
  of: 'list' | ItemType,
  call: LibraryCall,
  source: string,
): Value {
  const { args, line, name } = call;
  const [from = NO_VALUE, work] = args;
  const bare = from.kind === 'record' ? (from.entries.get('length') ?? null) : null;
  const known = bare ? machine.amountOf(bare, line) : machine.lengthOf(from, line);
  const count = known ?? machine.unknownSymbol('length', line, `how long what ${name} takes is`);
  const over: Value = bare ? { kind: 'range', count, high: null, site: null, holds: [] } : from;
  if (of === 'list') return builtList(machine, over, work, count, call);
  // What is no list with a length is put into one first.
  if (!bare) machine.heap.touch(machine.cost('list_grown', count));
  const array = machine.array([count], itemBytes(machine, call, of), line, source, name);
  machine.held.push(array);
  if (work?.kind === 'function') eachCall(machine, over, work, line, () => {});
  machine.held.pop();
  return array;
}

function builtList(
  machine: Machine,
  over: Value,
  work: Value | undefined,
  count: Polynomial,
  call: LibraryCall,
): Value {
  const { line } = call;
  const list = machine.list('list', [], line);
  machine.held.push(list);
  if (work?.kind === 'function') {
    eachCall(machine, over, work, line, (value) => {
      const item = machine.boxed(value, line, 'item');
      if (machine.heap.isRepeatSince(list.depth)) return;
      list.element = item;
      list.holds.push(item);
      machine.heap.keep(item, list.depth);
    });
  } else ownItems(machine, list, over, count, call);
  Object.assign(list, { length: count, items: null });
  const kind = over.kind === 'range' ? 'list' : 'list_grown';
  if (list.site) machine.heap.resize(list.site, machine.cost(kind, count));
  machine.held.pop();
  return list;
}

/** What `key=` gives of each item. */
export function keysOf(machine: Machine, key: FunctionValue, call: LibraryCall): Value {
  const { line } = call;
  const over = call.self ?? call.args[0] ?? NO_VALUE;
  const why = `how long what ${call.name} takes is`;
  const count = machine.lengthOf(over, line) ?? machine.unknownSymbol('length', line, why);
  return builtList(machine, over, key, count, call);
}

/** A function for each item of `over`, with the item and its place. */
export function eachCall(
  machine: Machine,
  over: Value,
  work: FunctionValue,
  line: number,
  then: (value: Value, item: Value) => void,
  before: readonly Value[] = [],
): void {
  const target: Expression = { kind: 'name', name: '(item)', line };
  runRounds(machine, over, target, line, () => {
    const item = machine.lookup('(item)') ?? NO_VALUE;
    const args = [...before, item, number(null, false)];
    then(callFunction(machine, work, { args, named: new Map(), line }), item);
  });
}

/** `list.reduce(f, start)`: what its function gives is what the next call is given. */
export function reduced(
  machine: Machine,
  self: Value,
  work: FunctionValue,
  { args, line }: LibraryCall,
): Value {
  const start = args[1] ?? itemOf(machine, self, line);
  let result: Value = start;
  const state = start.kind === 'number' ? number(null, start.is_float) : start;
  eachCall(machine, self, work, line, (value) => void (result = value), [state]);
  if (result.kind === 'number') return number(null, result.is_float);
  if (result.kind === start.kind && result === state) return result;
  machine.remark(line, 'what reduce puts together is not followed', 'fitted');
  return { ...unknown('reduce'), holds: [result] };
}
