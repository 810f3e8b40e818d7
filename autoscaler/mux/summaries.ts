/**
 * What calls of libraries give back and hold meanwhile, as data: expressions in the call's own
 * values. `a0`, `a1`: the numbers it is given; `len0`: the length of a text or list; `bytes0`: what
 * that takes; `len`, `bytes`: of the value whose method it is; `size0`, `pixels0` and all others of
 * ATTRIBUTE_KINDS: of what the argument names, which has to be given. A name that ends in a star
 * stands for all members. Pure.
 */
import type { ItemType } from './models.ts';
import { NODE_SUMMARIES } from './summaries-node.ts';
import { PYTHON_SUMMARIES } from './summaries-python.ts';
import type { Certainty } from './values.ts';

export type CallResult =
  /** `item`: one of those that its only argument has. */
  | { readonly kind: 'none' | 'self' | 'range' | 'record' | 'unknown' | 'item' }
  | { readonly kind: 'int' | 'float'; readonly amount?: string }
  | {
      readonly kind: 'text' | 'bytes';
      readonly length: string;
      /** It can grow in its place, with room for more. */
      readonly has_room?: boolean;
    }
  | {
      readonly kind: 'array';
      /** Of the arguments, of the first one's value or shape, of a product, without an axis. */
      readonly shape:
        | 'arguments'
        | 'broadcast'
        | 'file'
        | 'first'
        | 'like'
        | 'product'
        | 'reduced'
        | 'second';
      /** Of two that are broadcast. */
      readonly sign?: string;
      readonly item?: ItemType;
    }
  /** Shares the memory of the value it is a method of. */
  | { readonly kind: 'view'; readonly shape: 'arguments' | 'like' | 'flat' }
  | {
      readonly kind: 'list';
      readonly of?: 'list' | 'set' | 'generator';
      readonly length: string;
      /** What its items are: new ones, or those of the value it is made of. */
      readonly each?: 'int' | 'float' | 'text' | 'own';
      /** Bytes that it takes however long it is. */
      readonly besides?: number;
    }
  /** Goes through its arguments one at a time: their items, tuples of them, items with a number. */
  | { readonly kind: 'through'; readonly of: 'items' | 'pairs' | 'numbered' }
  /** Of a list or a length, through the function it is given. */
  | { readonly kind: 'built'; readonly of: 'list' | ItemType }
  | {
      readonly kind: 'object';
      readonly type: string;
      readonly bytes: string;
      readonly count?: string;
    }
  /** Of a text; `bytes`: what all of them take. */
  | { readonly kind: 'parts'; readonly bytes: string }
  | { readonly kind: 'argument'; readonly index: number };

export interface CallSummary {
  readonly names: readonly string[];
  readonly result: CallResult;
  /** Held while it runs, besides the result. */
  readonly transient?: string;
  /** Names of arguments that the result keeps alive: all of them. */
  readonly keeps_arguments?: boolean;
  /** It makes a list of what it is to go through, if that is made one at a time. */
  readonly gathers?: boolean;
  /** Arguments that stand for all of their items are as good as the items. */
  readonly takes_spread?: boolean;
  /** What it writes into a buffer that it is given as its first argument. */
  readonly fills?: string;
  /** The function among its arguments is called with this: an error first, as Node has it. */
  readonly calls_back?: 'nothing' | 'result' | 'error_and_result' | 'pairs';
  /** What `key=` gives of each item: all of it at once, or one after the other. */
  readonly keys?: 'kept' | 'passing';
  readonly certainty: Certainty;
  readonly source: string;
  /** What a reader of the interface has to know. */
  readonly note?: string;
}

const TABLES = {
  python: tableOf(PYTHON_SUMMARIES),
  javascript: tableOf(NODE_SUMMARIES),
} as const;

/** The summary of a name, or of the nearest star above it; null: nobody wrote one. */
export function summaryOf(language: keyof typeof TABLES, name: string): CallSummary | null {
  const table = TABLES[language];
  const exact = table.get(name);
  if (exact) return exact;
  for (let at = name.lastIndexOf('.'); at > 0; at = name.lastIndexOf('.', at - 1)) {
    const star = table.get(`${name.slice(0, at)}.*`);
    if (star) return star;
  }
  return null;
}

function tableOf(all: readonly CallSummary[]): ReadonlyMap<string, CallSummary> {
  return new Map(all.flatMap((one) => one.names.map((name) => [name, one] as const)));
}
