/** What a name may stand for while a program is read: its size, never its content. Pure. */
import { constant, NOTHING, type Polynomial } from '../../agent/expression/polynomial.ts';
import type { FunctionTree } from './tree.ts';

/** How good a size is, best first; an interface is as good as the worst it is made of. */
export const CERTAINTIES = ['exact', 'summary', 'attribute', 'fitted', 'refused'] as const;
export type Certainty = (typeof CERTAINTIES)[number];

/** A place in the program that takes memory. */
export interface Site {
  readonly line: number;
  /** The file beside the one that is read, where it is in such a one. */
  readonly file: string | null;
  readonly what: string;
  /** Where its size comes from. */
  readonly source: string;
  readonly certainty: Certainty;
  /** Of one. */
  bytes: Polynomial;
  /** How many of them live at a time. */
  times: Polynomial;
  /** Loops it is inside of, counted from outside; less once something outside keeps it. */
  depth: number;
  is_live: boolean;
  /** Made again in the second round of a loop: alive for the peak, the same site in the sums. */
  readonly is_repeat: boolean;
}

interface Held {
  /** What it takes itself; null: nothing, or it is somebody else's. */
  readonly site: Site | null;
  /** What lives as long as it does. */
  readonly holds: Value[];
}

export type Value = Held &
  (
    | {
        readonly kind: 'number';
        readonly amount: Polynomial | null;
        readonly is_float: boolean;
        /** Written in the source: part of the code, and nobody allocates it. */
        readonly is_literal?: true;
      }
    | {
        readonly kind: 'text';
        /** Bytes that can be written to grow in their place. */
        length: Polynomial;
        readonly is_bytes: boolean;
        /** Its characters, where the source has them. */
        readonly value: string | null;
        /** The part of the payload it is made from, which names an object: `object.key`. */
        readonly label: string | null;
        /** Loops around the place where it was made, of one that grows in its place. */
        readonly depth?: number;
        /** It grows with room for more. */
        has_room?: boolean;
      }
    | { readonly kind: 'array'; readonly shape: readonly Polynomial[]; readonly item: Polynomial }
    | ListValue
    | RecordValue
    | {
        readonly kind: 'range';
        readonly count: Polynomial;
        /** The most that it counts to. */
        readonly high: Polynomial | null;
      }
    | { readonly kind: 'payload'; readonly path: string }
    | {
        readonly kind: 'module';
        readonly name: string;
        /** Its own names, where it is a file beside the one that is read. */
        readonly scope?: Scope;
      }
    | {
        readonly kind: 'function';
        readonly definition: FunctionTree;
        readonly self: Value | null;
        readonly scope: Scope | null;
      }
    | {
        readonly kind: 'class';
        readonly name: string;
        readonly methods: readonly FunctionTree[];
        readonly scope: Scope | null;
      }
    | { readonly kind: 'method'; readonly of: Value; readonly name: string }
    | {
        readonly kind: 'object';
        readonly type: string;
        readonly label: string | null;
        /** How many things it is made of, where somebody knows. */
        readonly count: Polynomial | null;
      }
    | { readonly kind: 'none' }
    | { readonly kind: 'unknown'; readonly why: string }
  );

/** A list, tuple, set or generator; it changes in place. */
export interface ListValue {
  readonly kind: 'list';
  readonly of: 'list' | 'tuple' | 'set' | 'generator';
  readonly site: Site | null;
  holds: Value[];
  /** Loops around the place where it was made. */
  depth: number;
  length: Polynomial;
  /** In their places, while all are known. */
  items: Value[] | null;
  element: Value | null;
}

/** A dictionary or an object with members; it changes in place. */
export interface RecordValue {
  readonly kind: 'record';
  readonly site: Site | null;
  holds: Value[];
  depth: number;
  readonly entries: Map<string, Value>;
  count: Polynomial;
  /** The longest key that only the run knows; null: no such key, or none of known length. */
  key_length: Polynomial | null;
  readonly methods: readonly FunctionTree[];
  /** Where the class was defined that it is of. */
  readonly scope: Scope | null;
}

/** Names of one function that runs, or of the module. */
export interface Scope {
  readonly names: Map<string, Value>;
  readonly globals: Set<string>;
  readonly outer: Scope | null;
  /** The file beside the one that is read, whose code it is of. */
  readonly file: string | null;
  readonly results: Value[];
  /** Loops around the place where a name got its value, not counting what was added to it. */
  readonly depths: Map<string, number>;
}

export function newScope(outer: Scope | null, file = outer?.file ?? null): Scope {
  return { names: new Map(), globals: new Set(), outer, file, results: [], depths: new Map() };
}

export const NO_VALUE: Value = { kind: 'none', site: null, holds: [] };

export function unknown(why: string): Value {
  return { kind: 'unknown', why, site: null, holds: [] };
}

export function number(amount: Polynomial | null, is_float: boolean): Value {
  return { kind: 'number', amount, is_float, site: null, holds: [] };
}

export function literal(value: string, is_bytes: boolean): Value {
  const length = constant(value.length);
  return { kind: 'text', length, is_bytes, value, label: null, site: null, holds: [] };
}

/** A text that is there already, of which only the length is known. */
export function textOfLength(chars: number): Value {
  const about = { length: constant(chars), is_bytes: false, value: null, label: null };
  return { kind: 'text', ...about, site: null, holds: [] };
}

export function moduleNamed(name: string): Value {
  return { kind: 'module', name, site: null, holds: [] };
}

/** An object of which nothing but its type is known. */
export function object(
  type: string,
  site: Site | null,
  label: string | null = null,
  count: Polynomial | null = null,
): Value {
  return { kind: 'object', type, label, count, site, holds: [] };
}

/** Bytes of a site, all of them that live at a time. */
export function bytesOfValue({ site }: Value): Polynomial {
  return site?.bytes ?? NOTHING;
}

/** The worse of some; `exact` of none. */
export function worst(all: Iterable<Certainty>): Certainty {
  let index = 0;
  for (const one of all) index = Math.max(index, CERTAINTIES.indexOf(one));
  return CERTAINTIES[index] ?? 'refused';
}
