/**
 * What is common to reading statements, expressions and calls of one program: its heap, its names,
 * the symbols that its sizes are told in, and what could not be followed. Pure.
 */
import { muxError } from './errors.ts';
import { parseExpression } from '../../agent/expression/expression.ts';
import { Heap } from './heap.ts';
import { MUX_LIMITS } from './limits.ts';
import type { CostModel } from './models.ts';
import {
  add,
  constant,
  multiply,
  NOTHING,
  type Polynomial,
  substitute,
  symbol,
} from '../../agent/expression/polynomial.ts';
import type { FunctionTree } from './tree.ts';
import {
  type Certainty,
  type ListValue,
  literal,
  newScope,
  NO_VALUE,
  number,
  type RecordValue,
  type Scope,
  type Site,
  type Value,
} from './values.ts';

/** A name in the sizes of a program, and what stands behind it. */
export type SymbolMeaning =
  | { readonly kind: 'parameter'; readonly pointer: string; readonly measure: 'value' | 'length' }
  | { readonly kind: 'attribute'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** Something that a reader of the interface has to know. */
export interface Remark {
  readonly line: number;
  readonly what: string;
  /** The best class that is still true with it. */
  readonly certainty: Certainty;
}

export class Machine {
  readonly model: CostModel;
  readonly heap = new Heap();
  readonly globals: Scope = newScope(null);
  readonly scopes: Scope[] = [];
  readonly running: FunctionTree[] = [];
  readonly symbols = new Map<string, SymbolMeaning>();
  readonly remarks = new Map<string, Remark>();
  /** Operands that wait for others. */
  readonly held: Value[] = [];
  /** Sites of the module itself, which a call does not make. */
  is_loading = true;
  #steps = 0;

  constructor(model: CostModel) {
    this.model = model;
  }

  get scope(): Scope {
    return this.scopes.at(-1) ?? this.globals;
  }

  get depth(): number {
    return this.heap.rounds.length;
  }

  /** Counts one more step. Throws HP_MUX_TOO_LARGE beyond what is followed. */
  step(line: number): void {
    this.#steps += 1;
    if (this.#steps <= MUX_LIMITS.steps && this.heap.sites.length <= MUX_LIMITS.sites) return;
    throw muxError('HP_MUX_TOO_LARGE', `The program is more than is followed: line ${line}.`, {
      details: { line, steps: this.#steps, sites: this.heap.sites.length },
    });
  }

  remark(line: number, what: string, certainty: Certainty): void {
    const key = `${line} ${what}`;
    if (!this.remarks.has(key)) this.remarks.set(key, { line, what, certainty });
  }

  /** A name for what is not known, told with the reason. */
  unknownSymbol(prefix: string, line: number, why: string): Polynomial {
    return this.#symbol(`${prefix}(line_${line})`, { kind: 'unknown', why });
  }

  attribute(prefix: string, label: string | null, line: number, why: string): Polynomial {
    const of = label === null || label === '' ? `line_${line}` : label;
    return this.#symbol(`${prefix}(${of})`, { kind: 'attribute', why });
  }

  /** The number, or the length, that lies at a place of the payload. */
  parameter(path: string, measure: 'value' | 'length', line: number): Polynomial {
    if (path === '' || path.includes('*')) {
      const why = `it is in the payload, at no fixed place (${path || 'all of it'})`;
      return this.unknownSymbol('payload', line, why);
    }
    const parts = path.split('/').slice(1).map(wordOf);
    const suffix = measure === 'length' ? '_length' : '';
    const short = `${parts.at(-1)}${suffix}`;
    const known = this.symbols.get(short);
    const is_free = known === undefined || (known.kind === 'parameter' && known.pointer === path);
    const name = is_free ? short : `${parts.join('_')}${suffix}`;
    return this.#symbol(name, { kind: 'parameter', pointer: path, measure });
  }

  #symbol(name: string, meaning: SymbolMeaning): Polynomial {
    if (!this.symbols.has(name)) this.symbols.set(name, meaning);
    return symbol(name);
  }

  /** What the cost model says, for `n` of it. */
  cost(
    of: 'int' | 'float' | 'text' | 'bytes' | 'list' | 'tuple' | 'set' | 'record' | 'function',
    n: Polynomial = NOTHING,
  ): Polynomial {
    return substitute(parseExpression(this.model[of]), (name) => (name === 'n' ? n : null));
  }

  allocate(
    bytes: Polynomial,
    line: number,
    what: string,
    source?: string,
    certainty: Certainty = 'exact',
  ): Site | null {
    return this.heap.allocate(bytes, {
      line,
      what,
      source: source ?? this.model.source,
      certainty,
    });
  }

  text(
    length: Polynomial,
    is_bytes: boolean,
    line: number,
    label: string | null,
    source?: string,
    certainty?: Certainty,
  ): Value {
    const kind = is_bytes ? 'bytes' : 'text';
    const site = this.allocate(this.cost(kind, length), line, kind, source, certainty);
    return { kind: 'text', length, is_bytes, value: null, label, site, holds: [] };
  }

  array(
    shape: readonly Polynomial[],
    item: Polynomial,
    line: number,
    source?: string,
    what = 'array',
  ): Value {
    const payload = shape.reduce(multiply, item);
    const dimensions = multiply(
      constant(shape.length),
      parseExpression(this.model.array_dimension),
    );
    const header = add(parseExpression(this.model.array), dimensions);
    const site = this.allocate(add(payload, header), line, what, source);
    return { kind: 'array', shape, item, site, holds: [] };
  }

  list(of: ListValue['of'], items: Value[], line: number): ListValue & Value {
    const length = constant(items.length);
    const cost = of === 'generator' ? NOTHING : this.cost(of, length);
    const site = this.allocate(cost, line, of);
    const { depth } = this;
    return {
      kind: 'list',
      of,
      site,
      holds: [],
      depth,
      length,
      items,
      element: items.at(-1) ?? null,
    };
  }

  record(line: number, methods: RecordValue['methods'] = []): RecordValue & Value {
    const site = this.allocate(this.cost('record'), line, 'dictionary');
    const { depth } = this;
    return { kind: 'record', site, holds: [], depth, entries: new Map(), count: NOTHING, methods };
  }

  /** A scalar that something keeps is an object of its own, where the language has such. */
  boxed(value: Value, line: number, what: string): Value {
    if (value.kind !== 'number' || value.site || value.is_literal) return value;
    const site = this.allocate(this.cost(value.is_float ? 'float' : 'int'), line, what);
    return site ? { ...value, site } : value;
  }

  /** Frees what nothing reaches any more but the operands, the names and `result`. */
  settle(result: Value = NO_VALUE): void {
    this.heap.sweep(this.roots(result));
  }

  roots(result: Value): Value[] {
    const scopes = [this.globals, ...this.scopes];
    const named = scopes.flatMap(({ names, results }) => [...names.values(), ...results]);
    return [...named, ...this.held, result];
  }

  lookup(name: string): Value | null {
    for (let scope: Scope | null = this.scope; scope; scope = scope.outer) {
      const found = scope.names.get(name);
      if (found) return found;
    }
    return this.globals.names.get(name) ?? null;
  }

  /** What a name means that the program has from nowhere: a built-in, mostly. */
  imported(name: string): string {
    const { assumed_imports } = this.model;
    return (Object.hasOwn(assumed_imports, name) ? assumed_imports[name] : null) ?? name;
  }

  bind(name: string, value: Value, line: number): void {
    const { scope } = this;
    const names = scope.globals.has(name) ? this.globals.names : scope.names;
    names.set(name, this.boxed(value, line, name));
    scope.depths.set(name, this.depth);
  }

  /** The number that a value is; null where it is none that is known. */
  amountOf(value: Value, line: number): Polynomial | null {
    if (value.kind === 'number') return value.amount;
    return value.kind === 'payload' ? this.parameter(value.path, 'value', line) : null;
  }

  /** How long a text or list is; null where that is not known. */
  lengthOf(value: Value, line: number): Polynomial | null {
    switch (value.kind) {
      case 'text':
      case 'list':
        return value.length;
      case 'record':
      case 'range':
        return value.count;
      case 'object':
        return value.count;
      case 'array':
        return value.shape[0] ?? constant(1);
      case 'payload':
        return this.parameter(value.path, 'length', line);
      default:
        return null;
    }
  }

  /** The text that a value becomes when it is printed. */
  printedLength(value: Value, line: number): Polynomial {
    switch (value.kind) {
      case 'number':
        // No number of 64 bits is longer when it is printed.
        return constant(24);
      case 'none':
        return constant(9);
      case 'text':
        return value.length;
      case 'payload':
        return this.parameter(value.path, 'length', line);
      case 'list':
        if (value.element)
          return multiply(value.length, add(this.printedLength(value.element, line), constant(2)));
        return value.length;
      case 'record':
        return this.#printedRecord(value, line);
      case 'object':
        if (value.type === 'small') return constant(64);
        return this.unknownSymbol('text', line, 'how long it is when it is printed');
      default:
        return this.unknownSymbol('text', line, 'how long it is when it is printed');
    }
  }

  #printedRecord(value: RecordValue, line: number): Polynomial {
    let length = constant(2);
    for (const [key, one] of value.entries) {
      if (key === '*') return this.unknownSymbol('text', line, 'how long a dictionary is printed');
      const printed = this.printedLength(one, line);
      length = add(length, add(printed, constant(key.length + 6)));
    }
    return length;
  }
}

/** The part of the payload that a value is made of, to name an object of the platform by. */
export function labelOf(value: Value): string | null {
  if (value.kind === 'payload') return value.path.split('/').slice(1).map(wordOf).join('.') || null;
  if (value.kind === 'text') return value.label;
  return value.kind === 'object' ? value.label : null;
}

/** Either of two, and both stay alive. */
export function either(a: Value, b: Value): Value {
  if (a === b || b.kind === 'none' || b.kind === 'unknown') return withHeld(a, b);
  if (a.kind === 'none' || a.kind === 'unknown') return withHeld(b, a);
  if (a.kind === 'number' && b.kind === 'number') {
    const is_same = a.amount !== null && a.amount.text === b.amount?.text;
    return { ...number(is_same ? a.amount : null, a.is_float || b.is_float), holds: [a, b] };
  }
  if (a.kind === 'text' && b.kind === 'text' && a.length.text !== b.length.text) {
    const longer = literal('', a.is_bytes);
    const length = add(a.length, b.length);
    return longer.kind === 'text' ? { ...longer, length, value: null, holds: [a, b] } : a;
  }
  return withHeld(a, b);
}

function withHeld(value: Value, other: Value): Value {
  if (value === other || (other.site === null && other.holds.length === 0)) return value;
  if (value.kind === 'list' || value.kind === 'record') {
    value.holds.push(other);
    return value;
  }
  return { ...value, holds: [...value.holds, other] };
}

function wordOf(text: string): string {
  const word = text.replaceAll(/\W/g, '_');
  return /^[A-Za-z_]/.test(word) ? word : `p${word}`;
}
