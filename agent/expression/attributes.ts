/**
 * Attributes of a memory expression: facts that neither source nor payload has, like the size of an
 * object in a store. Who defines a function says them once: a number, the most it may be, or where
 * in the payload the caller sends it. Pure.
 */
import { z } from 'zod';
import { parseBytes } from '../../base/units.ts';
import { expressionError } from './errors.ts';

const bound = z.number().refine(Number.isFinite, 'a finite number');

/** What attributes there are, by the word before the parenthesis, and what each is. */
export const ATTRIBUTE_KINDS = {
  size: { unit: 'bytes', what: 'how many bytes an object or a file has' },
  process: { unit: 'bytes', what: 'how many bytes a child process holds' },
  encoded: { unit: 'bytes', what: 'how many bytes an image has once it is encoded' },
  itemsize: { unit: 'bytes', what: 'how many bytes one item of an array has: 8 of float64' },
  items: { unit: 'count', what: 'how many items an array has, all dimensions multiplied' },
  pixels: { unit: 'count', what: 'width times height of an image' },
  parts: { unit: 'count', what: 'how many parts a text is split into' },
  names: { unit: 'count', what: 'how many names a folder has' },
} as const satisfies Record<string, { unit: 'bytes' | 'count'; what: string }>;

export type AttributeKind = keyof typeof ATTRIBUTE_KINDS;

export const attributeSchema = z.union([
  z.number().min(0),
  z.string(),
  z.strictObject({ min: bound.optional(), max: bound.optional(), pointer: z.string().optional() }),
]);

/** How an attribute is known; `open`: nobody said anything of it. */
export type Attribute =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'range'; readonly min: number; readonly max: number }
  | {
      readonly kind: 'payload';
      readonly pointer: string;
      readonly min: number | undefined;
      readonly max: number | undefined;
    }
  | { readonly kind: 'open' };

/**
 * What a definition says of one: `4096`, `5MiB`, `/object/bytes`, or an object with `max` or
 * `pointer`. Throws HP_MUX_INTERFACE.
 */
export function attributeOf(name: string, given: z.output<typeof attributeSchema>): Attribute {
  if (typeof given === 'object') {
    const { min, max, pointer } = given;
    if (pointer !== undefined)
      return { kind: 'payload', pointer: checked(name, pointer), min, max };
    return max === undefined ? { kind: 'open' } : { kind: 'range', min: min ?? 0, max };
  }
  if (typeof given === 'string' && given.startsWith('/')) {
    const open = { min: undefined, max: undefined };
    return { kind: 'payload', pointer: checked(name, given), ...open };
  }
  const value = typeof given === 'number' ? given : parseBytes(given);
  if (value === null || !Number.isSafeInteger(value)) {
    throw wrong(name, `'${given}' is neither a whole number, a size like 5MiB, nor /a/place`);
  }
  return { kind: 'value', value };
}

/** Whether a name like `size(object.key)` counts bytes or things; bytes times bytes are refused. */
export function attributeUnit(name: string): 'bytes' | 'count' {
  const [word = ''] = name.split('(');
  return isKind(word) ? ATTRIBUTE_KINDS[word].unit : 'count';
}

function isKind(word: string): word is AttributeKind {
  return Object.hasOwn(ATTRIBUTE_KINDS, word);
}

function checked(name: string, pointer: string): string {
  if (/^(\/([^~]|~[01])*)?$/.test(pointer)) return pointer;
  throw wrong(name, `'${pointer}' is no JSON pointer (RFC 6901)`);
}

function wrong(name: string, why: string): Error {
  return expressionError('HP_MUX_INTERFACE', `The attribute ${name}: ${why}.`);
}
