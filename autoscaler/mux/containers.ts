/** Lists and dictionaries that change in place: what they keep, and how they grow. Pure. */
import {
  add,
  constant,
  isAtLeast,
  largest,
  multiply,
  type Polynomial,
  scale,
} from '../../agent/expression/polynomial.ts';
import { rational } from '../../agent/expression/rational.ts';
import type { Machine } from './machine.ts';
import { type ListValue, NO_VALUE, type RecordValue, type Value } from './values.ts';

export function lengthenKey(of: RecordValue, length: Polynomial): void {
  of.key_length = of.key_length === null ? length : largest([of.key_length, length]);
}

/** Keeps a value under a key of a record, or somewhere in a list. */
export function store(
  machine: Machine,
  of: Value,
  key: string | null,
  value: Value,
  line: number,
): void {
  if (of.kind === 'list') {
    keepIn(machine, of, machine.boxed(value, line, 'item'));
    of.element ??= value;
    of.items = null;
    return;
  }
  if (of.kind !== 'record') return;
  const boxed = machine.boxed(value, line, key ?? 'entry');
  if (key !== null) {
    of.entries.set(key, boxed);
    machine.heap.replace(boxed, of.depth);
    const known = constant(of.entries.size);
    if (isAtLeast(known, of.count)) growRecord(machine, of, known, 'record');
    return;
  }
  if (machine.heap.isRepeatSince(of.depth)) return;
  of.holds.push(boxed);
  of.entries.set('*', boxed);
  machine.heap.keep(boxed, of.depth);
  growRecord(machine, of, add(of.count, machine.heap.timesSince(of.depth)), 'record_grown');
}

function growRecord(
  machine: Machine,
  of: RecordValue,
  count: Polynomial,
  kind: 'record' | 'record_grown',
): void {
  of.count = count;
  if (of.site) machine.heap.resize(of.site, machine.cost(kind, count));
}

/** One more item, as often as the loops since the list was made run. */
export function append(
  machine: Machine,
  list: ListValue,
  value: Value,
  line: number,
  each = constant(1),
): void {
  const boxed = machine.boxed(value, line, 'item');
  list.element ??= boxed;
  list.items = null;
  if (machine.heap.isRepeatSince(list.depth)) return;
  keepIn(machine, list, boxed);
  list.length = add(list.length, multiply(each, machine.heap.timesSince(list.depth)));
  const kind = list.of === 'generator' || list.of === 'list' ? 'list_grown' : list.of;
  if (list.site) machine.heap.resize(list.site, machine.cost(kind, list.length));
}

/** All items of another value, as often as the loops since the list was made run. */
export function appendAll(machine: Machine, list: ListValue, from: Value, line: number): void {
  if (from.kind === 'list' && from.items) {
    for (const one of from.items) append(machine, list, one, line);
    return;
  }
  const why = 'a list that is added';
  const length = machine.lengthOf(from, line) ?? machine.unknownSymbol('length', line, why);
  const made = from.kind === 'list' && from.of === 'generator' ? from.element : null;
  if (made && from.kind === 'list' && !machine.heap.isRepeatSince(list.depth)) {
    machine.heap.gather(made, from.depth, length, machine.depth);
  }
  const item = from.kind === 'list' ? (from.element ?? NO_VALUE) : from;
  append(machine, list, item, line, length);
  list.holds.push(from);
}

function keepIn(machine: Machine, list: ListValue, value: Value): void {
  if (!list.holds.includes(value)) list.holds.push(value);
  machine.heap.keep(value, list.depth);
}

/** Bytes that grow in their place, which have room for an eighth more (bytearrayobject.c). */
export function appendBytes(
  machine: Machine,
  bytes: Extract<Value, { kind: 'text' }>,
  more: Polynomial,
): void {
  const { depth = machine.depth } = bytes;
  if (machine.heap.isRepeatSince(depth)) return;
  bytes.length = add(bytes.length, multiply(more, machine.heap.timesSince(depth)));
  withRoom(machine, bytes);
}

/** An eighth more than its length, which it has from now on. */
export function withRoom(machine: Machine, bytes: Extract<Value, { kind: 'text' }>): void {
  const room = add(scale(bytes.length, rational(9n, 8n)), constant(24));
  if (bytes.site) machine.heap.resize(bytes.site, machine.cost('bytes', room));
  bytes.has_room = true;
}
