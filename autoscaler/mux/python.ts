/** Python into the small tree, by Lezer's grammar: it reads 2 and 3, and goes on after errors. */
import { parser } from '@lezer/python';
import type { SyntaxNode } from '@lezer/common';
import { MUX_LIMITS } from './limits.ts';
import {
  comprehensionKind,
  formatOwn,
  LineIndex,
  childrenOf,
  hasYield,
  leafOf,
  IGNORED,
  importsOf,
  splitAt,
} from './python-nodes.ts';
import type { Clause, Expression, FunctionTree, Module, Named, Statement } from './tree.ts';

/** Reads a whole file. What is no Python is left out and its lines are told. */
export function readPython(source: string): Module {
  const tree = parser.parse(source);
  const reader = new PythonReader(source);
  const broken = new Set<number>();
  tree.iterate({
    enter: (node) => {
      if (node.type.isError) broken.add(reader.line(node.from));
    },
  });
  const body = reader.statements(tree.topNode, 0);
  return { language: 'python', body, broken_lines: [...broken] };
}

class PythonReader {
  readonly #source: string;
  readonly #lines: LineIndex;

  constructor(source: string) {
    this.#source = source;
    this.#lines = new LineIndex(source);
  }

  line(from: number): number {
    return this.#lines.line(from);
  }

  statements(node: SyntaxNode, depth: number): Statement[] {
    return childrenOf(node)
      .filter(({ type }) => !type.isError && !IGNORED.has(type.name))
      .flatMap((one) => this.#statement(one, depth + 1));
  }

  #statement(node: SyntaxNode, depth: number): Statement[] {
    const line = this.line(node.from);
    const parts = childrenOf(node).filter(({ type }) => !type.isError);
    if (depth > MUX_LIMITS.source_depth) return [{ kind: 'unread', what: 'too deep', line }];
    switch (node.name) {
      case 'StatementGroup':
        return this.statements(node, depth);
      case 'AssignStatement':
        return [this.#assign(parts, line, depth)];
      case 'UpdateStatement':
        return [this.#update(parts, line, depth)];
      case 'ExpressionStatement':
        return parts.map((one) => ({ kind: 'expression', value: this.#read(one, depth), line }));
      case 'ReturnStatement': {
        const value = this.#tuple(parts.slice(1), line, depth);
        return [{ kind: 'return', value, line }];
      }
      case 'ForStatement':
        return this.#for(node, parts, line, depth);
      case 'WhileStatement': {
        const test = this.#read(parts[1], depth, line);
        return [{ kind: 'while', test, body: this.#bodies(node, depth)[0] ?? [], line }];
      }
      case 'IfStatement':
        return this.#if(parts, line, depth);
      case 'TryStatement':
        return [this.#try(parts, line, depth)];
      case 'WithStatement':
        return [this.#with(node, parts, line, depth)];
      case 'FunctionDefinition':
        return [{ kind: 'define', definition: this.#function(node, depth), line }];
      case 'DecoratedStatement':
        return parts
          .filter(({ name }) => name.endsWith('Definition'))
          .flatMap((one) => this.#statement(one, depth));
      case 'ClassDefinition':
        return [this.#class(node, line, depth)];
      case 'ImportStatement':
        return importsOf(parts, line, (one) => this.#text(one));
      case 'ScopeStatement': {
        const names = parts.filter(({ name }) => name === 'VariableName');
        return [{ kind: 'global', names: names.map((one) => this.#text(one)), line }];
      }
      case 'DeleteStatement': {
        const targets = this.#list(parts.slice(1), depth);
        return [{ kind: 'delete', targets, line }];
      }
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'RaiseStatement':
        return [{ kind: 'leave', line }];
      case 'PassStatement':
      case 'AssertStatement':
        return [];
      case 'PrintStatement':
        return parts.slice(1).map((one) => ({
          kind: 'expression',
          value: this.#read(one, depth),
          line,
        }));
      default:
        return [{ kind: 'unread', what: node.name, line }];
    }
  }

  #assign(parts: readonly SyntaxNode[], line: number, depth: number): Statement {
    const groups: SyntaxNode[][] = [[]];
    for (const one of parts) {
      if (one.name === 'AssignOp') groups.push([]);
      else if (one.name !== 'TypeDef') groups.at(-1)?.push(one);
    }
    const [value, ...targets] = groups.toReversed();
    if (targets.length === 0) {
      return { kind: 'expression', value: { kind: 'constant', value: 'none', line }, line };
    }
    return {
      kind: 'assign',
      targets: targets.toReversed().map((one) => this.#joined(one, line, depth)),
      value: this.#joined(value ?? [], line, depth),
      sign: null,
      line,
    };
  }

  #update(parts: readonly SyntaxNode[], line: number, depth: number): Statement {
    const at = parts.findIndex(({ name }) => name === 'UpdateOp');
    const sign = this.#text(parts[at]).replace(/=$/, '');
    const targets = [this.#read(parts[0], depth, line)];
    const value = this.#joined(parts.slice(at + 1), line, depth);
    return { kind: 'assign', targets, value, sign, line };
  }

  #for(node: SyntaxNode, parts: readonly SyntaxNode[], line: number, depth: number): Statement[] {
    const start = parts.findIndex(({ name }) => name === 'for');
    const middle = parts.findIndex(({ name }) => name === 'in');
    const end = parts.findIndex(({ name }) => name === 'Body');
    if (middle < 0 || end < 0) return [{ kind: 'unread', what: 'for', line }];
    const [body = [], otherwise = []] = this.#bodies(node, depth);
    const target = this.#joined(parts.slice(start + 1, middle), line, depth);
    const over = this.#joined(parts.slice(middle + 1, end), line, depth);
    return [{ kind: 'for', target, over, body, line }, ...otherwise];
  }

  #if(parts: readonly SyntaxNode[], line: number, depth: number): Statement[] {
    const arms: { test: Expression | null; body: Statement[] }[] = [];
    let test: Expression | null = null;
    for (const one of parts) {
      if (one.name === 'Body') arms.push({ test, body: this.statements(one, depth) });
      else if (one.name === 'else') test = null;
      else if (one.name !== 'if' && one.name !== 'elif') test = this.#read(one, depth);
    }
    let chain: Statement[] = [];
    for (const arm of arms.toReversed()) {
      if (arm.test === null) chain = arm.body;
      else chain = [{ kind: 'if', test: arm.test, if_true: arm.body, otherwise: chain, line }];
    }
    return chain;
  }

  #try(parts: readonly SyntaxNode[], line: number, depth: number): Statement {
    let body: Statement[] = [];
    let after: Statement[] = [];
    const handlers: { name: string | null; body: Statement[] }[] = [];
    let kind = 'try';
    let name: string | null = null;
    for (const [index, one] of parts.entries()) {
      if (['try', 'except', 'else', 'finally'].includes(one.name)) [kind, name] = [one.name, null];
      if (one.name === 'as') name = this.#text(parts[index + 1]);
      if (one.name !== 'Body') continue;
      const read = this.statements(one, depth);
      if (kind === 'try' || kind === 'else') body = [...body, ...read];
      else if (kind === 'except') handlers.push({ name, body: read });
      else after = read;
    }
    return { kind: 'try', body, handlers, after, line };
  }

  #with(node: SyntaxNode, parts: readonly SyntaxNode[], line: number, depth: number): Statement {
    const items: { value: Expression; target: Expression | null }[] = [];
    for (let index = 0; index < parts.length; index++) {
      const one = parts[index];
      if (!one || one.name === 'Body' || IGNORED.has(one.name)) continue;
      if (['with', 'async'].includes(one.name)) continue;
      const named = parts[index + 1]?.name === 'as' ? parts[index + 2] : undefined;
      const target = named ? this.#read(named, depth) : null;
      items.push({ value: this.#read(one, depth), target });
      if (named) index += 2;
    }
    return { kind: 'with', items, body: this.#bodies(node, depth)[0] ?? [], line };
  }

  #class(node: SyntaxNode, line: number, depth: number): Statement {
    const all = this.#bodies(node, depth)[0] ?? [];
    const methods = all.flatMap((one) => (one.kind === 'define' ? [one.definition] : []));
    const body = all.filter(({ kind }) => kind !== 'define');
    return { kind: 'class', name: this.#text(node.getChild('VariableName')), methods, body, line };
  }

  #function(node: SyntaxNode, depth: number): FunctionTree {
    const line = this.line(node.from);
    const list = node.getChild('ParamList');
    const parts = list ? childrenOf(list) : [];
    const parameters = parts.flatMap((one, index) => {
      if (one.name !== 'VariableName' || parts[index - 1]?.name === 'AssignOp') return [];
      const rest = parts.slice(index + 1);
      const [next] = rest.filter(({ name }) => name !== 'TypeDef');
      const value = next?.name === 'AssignOp' ? rest[rest.indexOf(next) + 1] : undefined;
      return [{ name: this.#text(one), otherwise: value ? this.#read(value, depth) : null }];
    });
    const body = node.getChild('Body');
    const last = node.lastChild;
    const is_lambda = node.name === 'LambdaExpression';
    const value = is_lambda && last ? this.#read(last, depth) : null;
    return {
      name: this.#text(node.getChild('VariableName')) || 'lambda',
      parameters,
      body: value ? [{ kind: 'return', value, line }] : body ? this.statements(body, depth) : [],
      is_generator: body !== null && hasYield(body),
      line,
    };
  }

  /** `a, b` without parentheses is a tuple. */
  #joined(parts: readonly SyntaxNode[], line: number, depth: number): Expression {
    return this.#tuple(parts, line, depth) ?? { kind: 'unread', what: 'nothing', parts: [], line };
  }

  #tuple(parts: readonly SyntaxNode[], line: number, depth: number): Expression | null {
    const items = this.#list(parts, depth);
    const [only] = items;
    const is_tuple = parts.some(({ name }) => name === ',');
    if (only && items.length === 1 && !is_tuple) return only;
    return items.length === 0 ? null : { kind: 'sequence', of: 'tuple', items, line };
  }

  #list(parts: readonly SyntaxNode[], depth: number): Expression[] {
    return parts.filter(({ name }) => !IGNORED.has(name)).map((one) => this.#read(one, depth));
  }

  #read(node: SyntaxNode | undefined | null, depth: number, near = 1): Expression {
    if (!node) return { kind: 'unread', what: 'nothing', parts: [], line: near };
    const line = this.line(node.from);
    if (depth > MUX_LIMITS.source_depth) {
      return { kind: 'unread', what: 'an expression that is too deep', parts: [], line };
    }
    const parts = childrenOf(node).filter(({ type }) => !type.isError && type.name !== 'Comment');
    const read =
      leafOf(node, parts, line, (one) => this.#text(one)) ??
      this.#whole(node, parts, line, depth + 1);
    return read ?? { kind: 'unread', what: node.name, parts: this.#list(parts, depth + 1), line };
  }

  #whole(
    node: SyntaxNode,
    parts: readonly SyntaxNode[],
    line: number,
    depth: number,
  ): Expression | null {
    const at = (index: number): Expression => this.#read(parts[index], depth, line);
    switch (node.name) {
      case 'FormatString': {
        const pieces = parts.filter(({ name }) => name === 'FormatReplacement');
        const inner = pieces.map((one) => this.#read(childrenOf(one)[1], depth, line));
        const value = formatOwn(
          this.#text(node),
          pieces.map((one) => this.#text(one)),
        );
        const own: Expression = { kind: 'text', value, parts: [], is_bytes: false, line };
        return { kind: 'text', value: null, parts: [own, ...inner], is_bytes: false, line };
      }
      case 'ParenthesizedExpression':
      case 'AwaitExpression':
        return at(1);
      case 'TupleExpression':
      case 'ArrayExpression':
      case 'SetExpression': {
        const of = node.name.startsWith('T') ? 'tuple' : node.name.startsWith('A') ? 'list' : 'set';
        return { kind: 'sequence', of, items: this.#list(parts, depth), line };
      }
      case 'DictionaryExpression':
        return this.#record(parts, line, depth);
      case 'MemberExpression':
        return this.#member(parts, line, depth);
      case 'CallExpression':
        return this.#call(parts, line, depth);
      case 'BinaryExpression': {
        const sign = parts
          .slice(1, -1)
          .map((one) => this.#text(one))
          .join(' ');
        return { kind: 'operation', sign, left: at(0), right: at(parts.length - 1), line };
      }
      case 'UnaryExpression':
        return { kind: 'unary', sign: this.#text(parts[0]), of: at(1), line };
      case 'ConditionalExpression':
        return { kind: 'choice', if_true: at(0), test: at(2), otherwise: at(4), line };
      case 'NamedExpression':
        return { kind: 'assign', target: at(0), value: at(2), line };
      case 'LambdaExpression':
        return { kind: 'function', definition: this.#function(node, depth), line };
      case 'ArrayComprehensionExpression':
      case 'SetComprehensionExpression':
      case 'DictionaryComprehensionExpression':
      case 'ComprehensionExpression':
        return this.#comprehension(node.name, parts, line, depth);
      default:
        return null;
    }
  }

  #record(parts: readonly SyntaxNode[], line: number, depth: number): Expression {
    const entries: { key: Expression | null; value: Expression }[] = [];
    for (const group of splitAt(parts, ',', ({ name }) => name)) {
      const [first, second] = group.filter(({ name }) => !IGNORED.has(name));
      if (!first) continue;
      const key = second ? this.#read(first, depth) : null;
      entries.push({ key, value: this.#read(second ?? first, depth) });
    }
    return { kind: 'record', entries, line };
  }

  #member(parts: readonly SyntaxNode[], line: number, depth: number): Expression {
    const of = this.#read(parts[0], depth, line);
    const [, sign, name] = parts;
    if (sign?.name === '.') return { kind: 'member', of, name: this.#text(name), line };
    const inner = parts.slice(2, -1);
    const ends = this.#list(inner, depth);
    const [index] = ends;
    if (inner.some(({ name: one }) => one === ':')) return { kind: 'slice', of, ends, line };
    if (index && ends.length === 1) return { kind: 'element', of, index, line };
    const several: Expression = { kind: 'sequence', of: 'tuple', items: ends, line };
    return { kind: 'element', of, index: several, line };
  }

  #call(parts: readonly SyntaxNode[], line: number, depth: number): Expression {
    const callee = this.#read(parts[0], depth, line);
    const list = parts.find(({ name }) => name === 'ArgList');
    const inner = (list ? childrenOf(list) : []).filter(({ type }) => !type.isError);
    if (inner.some(({ name }) => name === 'for')) {
      const each = this.#comprehension('Comprehension', inner, line, depth);
      return { kind: 'call', callee, args: [each], named: [], line };
    }
    const args: Expression[] = [];
    const named: Named[] = [];
    for (const group of splitAt(inner.slice(1, -1), ',', ({ name }) => name)) {
      const at = group.findIndex(({ name }) => name === 'AssignOp');
      const value = group.at(-1);
      if (!value) continue;
      if (at > 0) named.push({ name: this.#text(group[0]), value: this.#read(value, depth) });
      else if (group.length === 1) args.push(this.#read(value, depth));
      else args.push({ kind: 'spread', of: this.#read(value, depth), line });
    }
    return { kind: 'call', callee, args, named, line };
  }

  #comprehension(
    name: string,
    parts: readonly SyntaxNode[],
    line: number,
    depth: number,
  ): Expression {
    const of = comprehensionKind(name);
    const words = parts.map((one) => one.name);
    const starts = words.flatMap((word, index) => (word === 'for' ? [index] : []));
    const items = this.#list(parts.slice(0, starts[0]), depth);
    const clauses: Clause[] = starts.map((start, index) => {
      const clause = parts.slice(start + 1, starts[index + 1] ?? parts.length);
      const middle = clause.findIndex((one) => one.name === 'in');
      const test = clause.findIndex((one) => one.name === 'if');
      const over = clause.slice(middle + 1, test < 0 ? undefined : test);
      const closed = over.filter((one) => !IGNORED.has(one.name) && one.name !== 'async');
      return {
        target: this.#joined(clause.slice(0, middle), line, depth),
        over: this.#read(closed[0], depth, line),
      };
    });
    return { kind: 'comprehension', of, items, clauses, line };
  }

  #bodies(node: SyntaxNode, depth: number): Statement[][] {
    return node.getChildren('Body').map((one) => this.statements(one, depth));
  }

  #text(node: SyntaxNode | undefined | null): string {
    return node ? this.#source.slice(node.from, node.to) : '';
  }
}
