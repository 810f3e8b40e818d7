/** How long values are when they are printed, as text or as JSON: at the most. Pure. */
import { add, constant, multiply, type Polynomial } from '../../agent/expression/polynomial.ts';
import type { Machine } from './machine.ts';
import type { RecordValue, Value } from './values.ts';

/** The text that a value becomes. */
export function printedLength(machine: Machine, value: Value, line: number): Polynomial {
  switch (value.kind) {
    case 'number':
      // No number of 64 bits is longer when it is printed.
      return constant(24);
    case 'none':
      return constant(9);
    case 'text':
      return value.length;
    case 'payload':
      return machine.parameter(value.path, 'length', line);
    case 'list': {
      if (!value.element) return add(value.length, constant(2));
      const each = add(printedLength(machine, value.element, line), constant(4));
      return add(multiply(value.length, each), constant(2));
    }
    case 'record':
      return printedRecord(machine, value, line);
    case 'object':
      if (value.type === 'small') return constant(64);
      return notKnown(machine, line);
    default:
      return notKnown(machine, line);
  }
}

function printedRecord(machine: Machine, value: RecordValue, line: number): Polynomial {
  let length = constant(2);
  for (const [key, one] of value.entries) {
    const printed = add(printedLength(machine, one, line), constant(6));
    if (key !== '*') {
      length = add(length, add(printed, constant(key.length)));
      continue;
    }
    // As many as there are, under keys that only the run knows.
    if (!value.key_length) return notKnown(machine, line);
    length = add(length, multiply(value.count, add(printed, value.key_length)));
  }
  return length;
}

function notKnown(machine: Machine, line: number): Polynomial {
  return machine.unknownSymbol('text', line, 'how long it is when it is printed');
}
