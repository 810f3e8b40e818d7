/** Sizes that a summary says, with the values of the call that it is of. Pure. */
import { parseExpression } from '../../agent/expression/expression.ts';
import type { LibraryCall } from './library.ts';
import { MUX_LIMITS } from './limits.ts';
import { labelOf, type Machine } from './machine.ts';
import { printedLength } from './printed.ts';
import {
  add,
  constant,
  multiply,
  NOTHING,
  type Polynomial,
  scale,
  substitute,
} from '../../agent/expression/polynomial.ts';
import { rational } from '../../agent/expression/rational.ts';
import { bytesOfValue, literal, NO_VALUE, type Value } from './values.ts';

/** The part of the payload that a call is about: of its last argument that has one. */
export function labelOfCall({ self, args, named }: LibraryCall): string | null {
  const all = [self ?? NO_VALUE, ...args, ...named.values()].map(labelOf);
  return all.findLast((one) => one !== null) ?? null;
}

/** An expression of a summary, with the values of this call. */
export function amount(machine: Machine, text: string, call: LibraryCall): Polynomial {
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
    case 'count':
      // A number of them, or as many as something has.
      if (arg === undefined) return NOTHING;
      if (arg.kind === 'payload' || arg.kind === 'number') {
        return machine.amountOf(arg, line) ?? missing('amount');
      }
      return machine.lengthOf(arg, line) ?? missing('length');
    case 'lazy': {
      const is_lazy = arg?.kind === 'list' && arg.of === 'generator';
      return is_lazy ? arg.length : NOTHING;
    }
    case 'inflated':
      return arg?.kind === 'object' && arg.type === 'deflated' && arg.count
        ? arg.count
        : missing('length');
    case 'substituted':
      return substitutedLength(machine, call) ?? missing('length');
    case 'replaced':
      return replacedLength(machine, call) ?? missing('length');
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

/** A template with its names as often as they stand in it. */
function substitutedLength(machine: Machine, call: LibraryCall): Polynomial | null {
  const { self, named, args, line } = call;
  const [text] = self?.holds ?? [];
  if (text?.kind !== 'text' || text.value === null || args.length > 0) return null;
  let length = text.length;
  if (text.value.split('$').length > MUX_LIMITS.substitutions + 1) return null;
  for (const [name, value] of named) {
    const times = text.value.match(new RegExp(`\\$\\{?${name}\\b`, 'g'))?.length ?? 0;
    length = add(length, scale(printedLength(machine, value, line), rational(BigInt(times))));
  }
  return length;
}

/** The text whose every match is replaced; null where nobody knows by what. */
function replacedLength(machine: Machine, { self, args, line }: LibraryCall): Polynomial | null {
  const [old = NO_VALUE, by = NO_VALUE] = args;
  const length = machine.lengthOf(self ?? NO_VALUE, line);
  if (!length || by.kind !== 'text') return null;
  // `$&` and its like put in what was found.
  const is_pattern = machine.model.language === 'javascript' && by.value?.includes('$');
  if (by.value === null || is_pattern) return null;
  const matched = old.kind === 'text' ? (old.value?.length ?? 1) : 1;
  const more = by.value.length - matched;
  if (matched > 0 && more <= 0) return length;
  // Of an empty text there is one between all characters.
  if (matched === 0) return add(length, scale(add(length, constant(1)), rational(BigInt(more))));
  return scale(length, rational(BigInt(by.value.length), BigInt(matched)));
}

function valueBytes(value: Value): Polynomial {
  if (value.kind === 'array') return value.shape.reduce(multiply, value.item);
  return bytesOfValue(value);
}
