/**
 * The small tree that every language is read into: what matters for memory of a program, and no
 * more. What a front end does not know becomes `unread`, and is told as such. Pure.
 */

interface Placed {
  /** From 1. */
  readonly line: number;
}

export interface Named {
  readonly name: string;
  readonly value: Expression;
}

export interface FunctionTree extends Placed {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly otherwise: Expression | null }[];
  readonly body: readonly Statement[];
  /** A generator makes its values one at a time. */
  readonly is_generator: boolean;
}

export interface Clause {
  readonly target: Expression;
  readonly over: Expression;
}

export type Expression = Placed &
  (
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'number'; readonly text: string; readonly is_float: boolean }
    | {
        readonly kind: 'text';
        /** null: put together when it runs, from `parts`. */
        readonly value: string | null;
        readonly parts: readonly Expression[];
        readonly is_bytes: boolean;
      }
    | { readonly kind: 'constant'; readonly value: 'none' | 'true' | 'false' }
    | {
        readonly kind: 'sequence';
        readonly of: 'list' | 'tuple' | 'set';
        readonly items: readonly Expression[];
      }
    | {
        readonly kind: 'record';
        readonly entries: readonly {
          readonly key: Expression | null;
          readonly value: Expression;
        }[];
      }
    | { readonly kind: 'member'; readonly of: Expression; readonly name: string }
    | { readonly kind: 'element'; readonly of: Expression; readonly index: Expression }
    | { readonly kind: 'slice'; readonly of: Expression; readonly ends: readonly Expression[] }
    | {
        readonly kind: 'call';
        readonly callee: Expression;
        readonly args: readonly Expression[];
        readonly named: readonly Named[];
      }
    | {
        readonly kind: 'operation';
        readonly sign: string;
        readonly left: Expression;
        readonly right: Expression;
      }
    | { readonly kind: 'unary'; readonly sign: string; readonly of: Expression }
    | {
        readonly kind: 'choice';
        readonly test: Expression;
        readonly if_true: Expression;
        readonly otherwise: Expression;
      }
    | {
        readonly kind: 'comprehension';
        readonly of: 'list' | 'set' | 'record' | 'generator';
        readonly items: readonly Expression[];
        readonly clauses: readonly Clause[];
      }
    | { readonly kind: 'function'; readonly definition: FunctionTree }
    | { readonly kind: 'assign'; readonly target: Expression; readonly value: Expression }
    /** What it holds stands in its place, among arguments, items or entries. */
    | { readonly kind: 'spread'; readonly of: Expression }
    | { readonly kind: 'unread'; readonly what: string; readonly parts: readonly Expression[] }
  );

export type Statement = Placed &
  (
    | {
        readonly kind: 'assign';
        readonly targets: readonly Expression[];
        readonly value: Expression;
        /** `+` of `+=`; null for a plain assignment. */
        readonly sign: string | null;
      }
    | { readonly kind: 'expression'; readonly value: Expression }
    | {
        readonly kind: 'for';
        readonly target: Expression;
        readonly over: Expression;
        readonly body: readonly Statement[];
      }
    | {
        readonly kind: 'while';
        readonly test: Expression;
        readonly body: readonly Statement[];
      }
    | {
        readonly kind: 'if';
        readonly test: Expression;
        readonly if_true: readonly Statement[];
        readonly otherwise: readonly Statement[];
      }
    | { readonly kind: 'return'; readonly value: Expression | null }
    | {
        readonly kind: 'try';
        readonly body: readonly Statement[];
        readonly handlers: readonly {
          readonly name: string | null;
          readonly body: readonly Statement[];
        }[];
        readonly after: readonly Statement[];
      }
    | {
        readonly kind: 'with';
        readonly items: readonly {
          readonly value: Expression;
          readonly target: Expression | null;
        }[];
        readonly body: readonly Statement[];
      }
    | { readonly kind: 'define'; readonly definition: FunctionTree }
    | {
        readonly kind: 'class';
        readonly name: string;
        readonly methods: readonly FunctionTree[];
        readonly body: readonly Statement[];
      }
    | {
        readonly kind: 'import';
        readonly name: string;
        /** With its member, where one is named: `os.path.join`. */
        readonly module: string;
        /** As it is written (`./seeded.mjs`), where that is a file and no name. */
        readonly file?: string;
        readonly member?: string | null;
      }
    | { readonly kind: 'global'; readonly names: readonly string[] }
    | { readonly kind: 'delete'; readonly targets: readonly Expression[] }
    /** break, continue, raise: what follows in this block is not reached. */
    | { readonly kind: 'leave' }
    | { readonly kind: 'unread'; readonly what: string }
  );

/** A source file as it was read. */
export interface Module {
  readonly language: 'python' | 'javascript';
  readonly body: readonly Statement[];
  /** Lines the parser could not read. */
  readonly broken_lines: readonly number[];
}
