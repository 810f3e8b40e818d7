/** JavaScript and TypeScript into the small tree: acorn's, after Node took the types away. */
import { stripTypeScriptTypes } from 'node:module';
import * as acorn from 'acorn';
import { messageOf } from '../../base/errors.ts';
import { muxError } from './errors.ts';
import { MUX_LIMITS } from './limits.ts';
import type { Expression, FunctionTree, Module, Statement } from './tree.ts';

/** Reads a whole file. Throws HP_MUX_SOURCE where it is none, with the parser's own words. */
export function readJavaScript(source: string, is_typescript: boolean): Module {
  let program: acorn.Program;
  try {
    const plain = is_typescript ? stripTypeScriptTypes(source) : source;
    program = parse(plain);
  } catch (error) {
    throw muxError('HP_MUX_SOURCE', `The file cannot be read: ${messageOf(error)}.`);
  }
  return { language: 'javascript', body: statementsOf(program.body, 0), broken_lines: [] };
}

function parse(source: string): acorn.Program {
  const options = {
    ecmaVersion: 'latest',
    locations: true,
    allowHashBang: true,
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
  } as const;
  try {
    return acorn.parse(source, { ...options, sourceType: 'module' });
  } catch (error) {
    // Old code may use words that a module has not.
    if (!(error instanceof SyntaxError)) throw error;
    return acorn.parse(source, { ...options, sourceType: 'script' });
  }
}

function statementsOf(nodes: readonly acorn.AnyNode[], depth: number): Statement[] {
  return nodes.flatMap((node) => statementOf(node, depth + 1));
}

function lineOf(node: acorn.AnyNode | acorn.Node): number {
  return node.loc?.start.line ?? 1;
}

function blockOf(node: acorn.AnyNode | null | undefined, depth: number): Statement[] {
  if (!node) return [];
  return node.type === 'BlockStatement'
    ? statementsOf(node.body, depth)
    : statementOf(node, depth + 1);
}

function statementOf(node: acorn.AnyNode, depth: number): Statement[] {
  const line = lineOf(node);
  if (depth > MUX_LIMITS.source_depth) return [{ kind: 'unread', what: 'too deep', line }];
  switch (node.type) {
    case 'EmptyStatement':
    case 'DebuggerStatement':
      return [];
    case 'BlockStatement':
      return statementsOf(node.body, depth);
    case 'ExpressionStatement':
      return expressionStatement(node.expression, line, depth);
    case 'VariableDeclaration':
      return node.declarations.flatMap((one) =>
        one.init ? [assigned(one.id, expressionOf(one.init, depth), line, depth)] : [],
      );
    case 'FunctionDeclaration':
      return [
        { kind: 'define', definition: functionOf(node, node.id?.name ?? 'default', depth), line },
      ];
    case 'ClassDeclaration':
      return [classOf(node, line, depth)];
    case 'ReturnStatement':
      return [
        { kind: 'return', value: node.argument ? expressionOf(node.argument, depth) : null, line },
      ];
    case 'IfStatement': {
      const test = expressionOf(node.test, depth);
      const if_true = blockOf(node.consequent, depth);
      return [{ kind: 'if', test, if_true, otherwise: blockOf(node.alternate, depth), line }];
    }
    case 'TryStatement': {
      const { handler } = node;
      const name = handler?.param?.type === 'Identifier' ? handler.param.name : null;
      const handlers = handler ? [{ name, body: blockOf(handler.body, depth) }] : [];
      const after = blockOf(node.finalizer, depth);
      return [{ kind: 'try', body: blockOf(node.block, depth), handlers, after, line }];
    }
    case 'ThrowStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return [{ kind: 'leave', line }];
    case 'LabeledStatement':
      return statementOf(node.body, depth);
    case 'SwitchStatement':
      return switchOf(node, line, depth);
    case 'ImportDeclaration':
      return importsOf(node, line);
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return exportOf(node, line, depth);
    default:
      return loopOf(node, line, depth);
  }
}

function loopOf(node: acorn.AnyNode, line: number, depth: number): Statement[] {
  switch (node.type) {
    case 'ForStatement': {
      const { init, update } = node;
      const before =
        init === null || init === undefined
          ? []
          : init.type === 'VariableDeclaration'
            ? statementOf(init, depth)
            : expressionStatement(init, line, depth);
      const after = update ? expressionStatement(update, line, depth) : [];
      const always: Expression = { kind: 'constant', value: 'true', line };
      const test = node.test ? expressionOf(node.test, depth) : always;
      const body = [...blockOf(node.body, depth), ...after];
      return [...before, { kind: 'while', test, body, line }];
    }
    case 'WhileStatement':
    case 'DoWhileStatement': {
      const test = expressionOf(node.test, depth);
      return [{ kind: 'while', test, body: blockOf(node.body, depth), line }];
    }
    case 'ForOfStatement':
    case 'ForInStatement': {
      const { left } = node;
      const target = left.type === 'VariableDeclaration' ? left.declarations[0]?.id : left;
      const over = expressionOf(node.right, depth);
      const read = expressionOf(target, depth);
      return [{ kind: 'for', target: read, over, body: blockOf(node.body, depth), line }];
    }
    default:
      return [{ kind: 'unread', what: node.type, line }];
  }
}

function switchOf(node: acorn.SwitchStatement, line: number, depth: number): Statement[] {
  const test = expressionOf(node.discriminant, depth);
  let chain: Statement[] = [];
  for (const { consequent } of node.cases.toReversed()) {
    // A break ends a case, and no path of the function.
    const if_true = statementsOf(
      consequent.filter(({ type }) => type !== 'BreakStatement'),
      depth,
    );
    chain = [{ kind: 'if', test, if_true, otherwise: chain, line }];
  }
  return chain;
}

function importsOf(node: acorn.ImportDeclaration, line: number): Statement[] {
  const file = String(node.source.value);
  const module = moduleName(file);
  return node.specifiers.map((one) => {
    const member =
      one.type === 'ImportSpecifier' && one.imported.type === 'Identifier'
        ? one.imported.name
        : one.type === 'ImportDefaultSpecifier'
          ? 'default'
          : null;
    const path = member === null || member === 'default' ? module : `${module}.${member}`;
    return { kind: 'import', name: one.local.name, module: path, file, member, line };
  });
}

/** `node:fs/promises` is `fs.promises`; what lies beside the file begins with a dot. */
function moduleName(specifier: string): string {
  return specifier.replace(/^node:/, '').replaceAll('/', '.');
}

function exportOf(
  node: acorn.ExportNamedDeclaration | acorn.ExportDefaultDeclaration,
  line: number,
  depth: number,
): Statement[] {
  const { declaration } = node;
  if (!declaration) return [];
  if (declaration.type.endsWith('Declaration')) return statementOf(declaration, depth);
  const value = expressionOf(declaration, depth);
  const targets: Expression[] = [{ kind: 'name', name: 'default', line }];
  return [{ kind: 'assign', targets, value, sign: null, line }];
}

function classOf(
  node: acorn.ClassDeclaration | acorn.AnonymousClassDeclaration,
  line: number,
  depth: number,
): Statement {
  const methods = node.body.body.flatMap((one) => {
    if (one.type !== 'MethodDefinition' || one.key.type !== 'Identifier') return [];
    const name = one.kind === 'constructor' ? '__init__' : one.key.name;
    const method = functionOf(one.value, name, depth);
    const self = { name: 'this', otherwise: null };
    return [{ ...method, parameters: [self, ...method.parameters] }];
  });
  return { kind: 'class', name: node.id?.name ?? 'default', methods, body: [], line };
}

type FunctionNode =
  | acorn.FunctionDeclaration
  | acorn.AnonymousFunctionDeclaration
  | acorn.FunctionExpression
  | acorn.ArrowFunctionExpression;

function functionOf(node: FunctionNode, name: string, depth: number): FunctionTree {
  const line = lineOf(node);
  const taken: Statement[] = [];
  const parameters = node.params.map((one, index) => {
    const pattern = one.type === 'AssignmentPattern' ? one.left : one;
    const otherwise = one.type === 'AssignmentPattern' ? expressionOf(one.right, depth) : null;
    if (pattern.type === 'Identifier') return { name: pattern.name, otherwise };
    const value: Expression = { kind: 'name', name: `(${index})`, line };
    taken.push(assigned(pattern, value, line, depth));
    return { name: `(${index})`, otherwise };
  });
  const { body } = node;
  const own: Statement[] =
    body.type === 'BlockStatement'
      ? statementsOf(body.body, depth)
      : [{ kind: 'return', value: expressionOf(body, depth), line }];
  return { name, parameters, body: [...taken, ...own], is_generator: node.generator, line };
}

function expressionStatement(node: acorn.Expression, line: number, depth: number): Statement[] {
  if (node.type === 'SequenceExpression') {
    return node.expressions.flatMap((one) => expressionStatement(one, line, depth));
  }
  if (node.type === 'AssignmentExpression') {
    const sign = node.operator === '=' ? null : node.operator.replace(/=$/, '');
    const value = expressionOf(node.right, depth);
    return [{ ...assigned(node.left, value, line, depth), sign }];
  }
  if (node.type === 'UpdateExpression') {
    const one: Expression = { kind: 'number', text: '1', is_float: false, line };
    return [
      { ...assigned(node.argument, one, line, depth), sign: node.operator === '++' ? '+' : '-' },
    ];
  }
  return [{ kind: 'expression', value: expressionOf(node, depth), line }];
}

type Assignment = Extract<Statement, { kind: 'assign' }>;

function assigned(
  target: acorn.AnyNode,
  value: Expression,
  line: number,
  depth: number,
): Assignment {
  return { kind: 'assign', targets: [expressionOf(target, depth)], value, sign: null, line };
}

function expressionOf(node: acorn.AnyNode | null | undefined, deep: number): Expression {
  if (!node) return { kind: 'constant', value: 'none', line: 1 };
  const line = lineOf(node);
  const depth = deep + 1;
  if (depth > MUX_LIMITS.source_depth) {
    return { kind: 'unread', what: 'an expression that is too deep', parts: [], line };
  }
  const read = (one: acorn.AnyNode | null | undefined): Expression => expressionOf(one, depth);
  const known = leafOf(node, line) ?? dataOf(node, line, read);
  return (
    known ??
    operationOf(node, line, depth, read) ?? { kind: 'unread', what: node.type, parts: [], line }
  );
}

type Read = (node: acorn.AnyNode | null | undefined) => Expression;

function leafOf(node: acorn.AnyNode, line: number): Expression | null {
  switch (node.type) {
    case 'Identifier':
      return node.name === 'undefined'
        ? { kind: 'constant', value: 'none', line }
        : { kind: 'name', name: node.name, line };
    case 'ThisExpression':
      return { kind: 'name', name: 'this', line };
    case 'Literal': {
      const { value } = node;
      if (typeof value === 'number') {
        return { kind: 'number', text: String(value), is_float: !Number.isInteger(value), line };
      }
      if (typeof value === 'string')
        return { kind: 'text', value, parts: [], is_bytes: false, line };
      if (typeof value === 'boolean')
        return { kind: 'constant', value: value ? 'true' : 'false', line };
      // A pattern is part of the code.
      if (value instanceof RegExp) return { kind: 'name', name: 'RegExp', line };
      return value === null ? { kind: 'constant', value: 'none', line } : null;
    }
    default:
      return null;
  }
}

function dataOf(node: acorn.AnyNode, line: number, read: Read): Expression | null {
  switch (node.type) {
    case 'TemplateLiteral': {
      const written = node.quasis.map((one) => one.value.cooked ?? one.value.raw).join('');
      const own: Expression = { kind: 'text', value: written, parts: [], is_bytes: false, line };
      if (node.expressions.length === 0) return own;
      const parts = [own, ...node.expressions.map(read)];
      return { kind: 'text', value: null, parts, is_bytes: false, line };
    }
    case 'ArrayExpression':
    case 'ArrayPattern':
      return { kind: 'sequence', of: 'list', items: node.elements.map((one) => read(one)), line };
    case 'ObjectExpression':
    case 'ObjectPattern': {
      const entries = node.properties.map((one) => {
        if (one.type !== 'Property') return { key: null, value: read(one) };
        const { key } = one;
        const name: Expression =
          key.type === 'Identifier' && !one.computed
            ? { kind: 'text', value: key.name, parts: [], is_bytes: false, line }
            : read(key);
        return { key: name, value: read(one.value) };
      });
      return { kind: 'record', entries, line };
    }
    case 'AssignmentPattern':
      return read(node.left);
    case 'SpreadElement':
    case 'RestElement':
      return { kind: 'spread', of: read(node.argument), line };
    default:
      return null;
  }
}

function operationOf(
  node: acorn.AnyNode,
  line: number,
  depth: number,
  read: Read,
): Expression | null {
  switch (node.type) {
    case 'MemberExpression':
      return node.computed || node.property.type !== 'Identifier'
        ? { kind: 'element', of: read(node.object), index: read(node.property), line }
        : { kind: 'member', of: read(node.object), name: node.property.name, line };
    case 'ChainExpression':
    case 'ParenthesizedExpression':
      return read(node.expression);
    case 'AwaitExpression':
      return read(node.argument);
    case 'CallExpression':
    case 'NewExpression': {
      const args = node.arguments.map(read);
      return { kind: 'call', callee: read(node.callee), args, named: [], line };
    }
    case 'BinaryExpression':
    case 'LogicalExpression':
      return {
        kind: 'operation',
        sign: node.operator,
        left: read(node.left),
        right: read(node.right),
        line,
      };
    case 'UnaryExpression':
      return { kind: 'unary', sign: node.operator, of: read(node.argument), line };
    case 'UpdateExpression':
      return read(node.argument);
    case 'ConditionalExpression':
      return {
        kind: 'choice',
        test: read(node.test),
        if_true: read(node.consequent),
        otherwise: read(node.alternate),
        line,
      };
    case 'AssignmentExpression':
      return { kind: 'assign', target: read(node.left), value: read(node.right), line };
    case 'SequenceExpression':
      return read(node.expressions.at(-1));
    case 'FunctionExpression':
    case 'ArrowFunctionExpression': {
      const name = node.type === 'FunctionExpression' ? (node.id?.name ?? 'function') : 'function';
      return { kind: 'function', definition: functionOf(node, name, depth), line };
    }
    default:
      return null;
  }
}
