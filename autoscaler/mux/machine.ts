/**
 * What is common to reading statements, expressions and calls of one program: its heap, its names,
 * the symbols that its sizes are told in, and what could not be followed. Pure.
 */
import {
  type Attribute,
  ATTRIBUTE_KINDS,
  type AttributeKind,
} from '../../agent/expression/attributes.ts';
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
import type { FunctionTree, Module } from './tree.ts';
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
  textOfLength,
  type Value,
} from './values.ts';

/** A name in the sizes of a program, and what stands behind it. */
export type SymbolMeaning =
  | { readonly kind: 'parameter'; readonly pointer: string; readonly measure: 'value' | 'length' }
  | ({
      readonly kind: 'attribute';
      readonly why: string;
      /** Where it is bounded. */
      readonly max: number | null;
    } & SourcePlace)
  | ({ readonly kind: 'unknown'; readonly why: string } & SourcePlace);

/** Where something is said: null, in the file that is read. */
export interface SourcePlace {
  readonly line: number;
  readonly file: string | null;
}

/** Something that a reader of the interface has to know. */
export interface Remark extends SourcePlace {
  readonly what: string;
  /** The best class that is still true with it. */
  readonly certainty: Certainty;
}

/** A file beside the one that is read, by what imports it; what is left of a name are members. */
export type Beside = (
  name: string,
) => { readonly file: string; readonly tree: Module; readonly members: readonly string[] } | null;

export interface MachineInput {
  readonly beside: Beside;
  readonly given: ReadonlyMap<string, Attribute>;
}

/** Of the path of a file where it is deployed: `/var/task/function.py` has 21. */
const OWN_PATH_CHARS = 128;

export class Machine {
  readonly model: CostModel;
  readonly heap = new Heap();
  readonly globals: Scope = newScope(null);
  readonly scopes: Scope[] = [];
  /** Files beside the one that is read, by their names, as far as they were needed. */
  readonly modules = new Map<string, Scope>();
  readonly beside: Beside;
  /** What is known of attributes, by their names. */
  readonly given: ReadonlyMap<string, Attribute>;
  /** Attributes that the program was seen to depend on. */
  readonly asked = new Set<string>();
  readonly running: FunctionTree[] = [];
  readonly symbols = new Map<string, SymbolMeaning>();
  readonly remarks = new Map<string, Remark>();
  /** Operands that wait for others. */
  readonly held: Value[] = [];
  /** Sites of the module itself, which a call does not make. */
  is_loading = true;
  #steps = 0;

  constructor(model: CostModel, { beside, given }: MachineInput) {
    this.model = model;
    this.beside = beside;
    this.given = given;
  }

  get scope(): Scope {
    return this.scopes.at(-1) ?? this.globals;
  }

  /** The file beside the one that is read, whose code runs. */
  get file(): string | null {
    return this.scope.file;
  }

  /** Names of the module whose code runs. */
  get moduleNames(): Map<string, Value> {
    return (this.modules.get(this.file ?? '') ?? this.globals).names;
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
    const { file } = this;
    const key = `${file ?? ''} ${line} ${what}`;
    if (!this.remarks.has(key)) this.remarks.set(key, { line, file, what, certainty });
  }

  /** A name for what is not known, told with the reason. */
  unknownSymbol(prefix: string, line: number, why: string): Polynomial {
    const { file } = this;
    return this.#symbol(`${prefix}(${this.#lineName(line)})`, { kind: 'unknown', why, line, file });
  }

  /** What is known of it: a number, a place of the payload, a bound; else it has to be supplied. */
  attribute(prefix: AttributeKind, label: string | null, line: number): Polynomial {
    const { file } = this;
    const of = label === null || label === '' ? this.#lineName(line) : label;
    const name = `${prefix}(${of})`;
    const given = this.given.get(name) ?? { kind: 'open' };
    this.asked.add(name);
    if (given.kind === 'value') {
      this.remark(line, `${name} is taken as ${given.value}, as it was given`, 'exact');
      return constant(given.value);
    }
    if (given.kind === 'payload') {
      const { pointer } = given;
      return this.#symbol(name, { kind: 'parameter', pointer, measure: 'value' });
    }
    const max = given.kind === 'range' ? given.max : null;
    const why = ATTRIBUTE_KINDS[prefix].what;
    return this.#symbol(name, { kind: 'attribute', why, max, line, file });
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

  #lineName(line: number): string {
    return this.file === null ? `line_${line}` : `${wordOf(this.file)}_${line}`;
  }

  #symbol(name: string, meaning: SymbolMeaning): Polynomial {
    if (!this.symbols.has(name)) this.symbols.set(name, meaning);
    return symbol(name);
  }

  /** What the cost model says, for `n` of it. */
  cost(
    of: Exclude<
      keyof CostModel,
      `array${string}` | 'language' | 'source' | 'has_temporaries' | 'assumed_imports'
    >,
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
      file: this.file,
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
    const { depth } = this;
    return { kind: 'text', length, is_bytes, value: null, label, depth, site, holds: [] };
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

  record(
    line: number,
    methods: RecordValue['methods'] = [],
    scope: Scope | null = null,
  ): RecordValue & Value {
    const site = this.allocate(this.cost('record'), line, 'dictionary');
    const own = {
      entries: new Map<string, Value>(),
      count: NOTHING,
      key_length: null,
      methods,
      scope,
    };
    return { kind: 'record', site, holds: [], depth: this.depth, ...own };
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
    const scopes = [this.globals, ...this.modules.values(), ...this.scopes];
    const named = scopes.flatMap(({ names, results }) => [...names.values(), ...results]);
    return [...named, ...this.held, result];
  }

  lookup(name: string): Value | null {
    for (let scope: Scope | null = this.scope; scope; scope = scope.outer) {
      const found = scope.names.get(name);
      if (found) return found;
    }
    return this.moduleNames.get(name) ?? this.#ofTheFile(name);
  }

  /** The path of the file itself, which nobody knows before it is deployed. */
  #ofTheFile(name: string): Value | null {
    if (name !== '__file__' && name !== '__dirname' && name !== '__filename') return null;
    return textOfLength(OWN_PATH_CHARS);
  }

  /** What a name means that the program has from nowhere: a built-in, mostly. */
  imported(name: string): string {
    const { assumed_imports } = this.model;
    return (Object.hasOwn(assumed_imports, name) ? assumed_imports[name] : null) ?? name;
  }

  bind(name: string, value: Value, line: number): void {
    const { scope } = this;
    const names = scope.globals.has(name) ? this.moduleNames : scope.names;
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
        // What was packed is as long as what it was only once it is unpacked.
        return value.type === 'deflated' ? null : value.count;
      case 'array':
        return value.shape[0] ?? constant(1);
      case 'payload':
        return this.parameter(value.path, 'length', line);
      default:
        return null;
    }
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
