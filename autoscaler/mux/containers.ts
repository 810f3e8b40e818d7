/** Lists and dictionaries that change in place: what they keep, and how they grow. Pure. */
import {
  add,
  constant,
  isAtLeast,
  largest,
  multiply,
  type Polynomial,
} from '../../agent/expression/polynomial.ts';
import type { Machine } from './machine.ts';
import type { ListValue, RecordValue, Value } from './values.ts';

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
  if (machine.heap.is_repeat) return;
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
  if (machine.heap.is_repeat) return;
  keepIn(machine, list, boxed);
  list.length = add(list.length, multiply(each, machine.heap.timesSince(list.depth)));
  const kind = list.of === 'generator' || list.of === 'list' ? 'list_grown' : list.of;
  if (list.site) machine.heap.resize(list.site, machine.cost(kind, list.length));
}

function keepIn(machine: Machine, list: ListValue, value: Value): void {
  if (!list.holds.includes(value)) list.holds.push(value);
  machine.heap.keep(value, list.depth);
}
